-- The oldest schema whose programs still work with this one: raised by a migration that takes something away.
CREATE TABLE schema_reach (
  oldest INTEGER NOT NULL
) STRICT;

INSERT INTO schema_reach (oldest) VALUES (1);
