-- Limits that several processes share. Times are milliseconds since 1970 by this database's clock.

-- Processes that are here now. Who was not heard for long is taken for dead, and never comes back as the same.
CREATE TABLE limit_nodes (
  id    INTEGER PRIMARY KEY,
  heard INTEGER NOT NULL -- 0: dead
) STRICT;

-- A limit in use: what all have together, and what is left in the part that nobody has.
CREATE TABLE limit_pots (
  kind     TEXT NOT NULL,
  subject  TEXT NOT NULL,
  measure  TEXT NOT NULL,
  whole    INTEGER NOT NULL,           -- the burst, or calls at once
  tokens   REAL NOT NULL,   -- below 0 where more was used than there was
  filled   INTEGER NOT NULL,           -- when so much was left
  whole_at INTEGER NOT NULL,           -- when all of it is left again, if nobody asks
  PRIMARY KEY (kind, subject, measure)
) STRICT;

CREATE INDEX limit_pots_by_end ON limit_pots (whole_at);

-- What a process has of it, and what it could use.
CREATE TABLE limit_shares (
  kind       TEXT NOT NULL,
  subject    TEXT NOT NULL,
  measure    TEXT NOT NULL,
  node       INTEGER NOT NULL,
  size       INTEGER NOT NULL, -- of the whole
  rate       INTEGER NOT NULL, -- millionths of what fills it up
  least      INTEGER NOT NULL,
  wants      INTEGER NOT NULL,
  wants_rate INTEGER NOT NULL,
  PRIMARY KEY (kind, subject, measure, node)
) STRICT;

CREATE INDEX limit_shares_by_node ON limit_shares (node);

-- Counts changes of limits: other processes look at it.
CREATE TABLE limit_changes (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  n  INTEGER NOT NULL
) STRICT;

INSERT INTO limit_changes (id, n) VALUES (1, 0);
