-- How much may come in. Times are milliseconds since 1970, UTC.
CREATE TABLE limits (
  kind    TEXT NOT NULL,
  subject TEXT NOT NULL,   -- an id; * for each of the kind that has none of its own
  measure TEXT NOT NULL,
  amount  BIGINT NOT NULL, -- -1: no limit
  burst   BIGINT NOT NULL,
  changed BIGINT NOT NULL,
  PRIMARY KEY (kind, subject, measure)
);

-- A new organization begins with these; the one that every database starts with has no limit.
INSERT INTO limits (kind, subject, measure, amount, burst, changed) VALUES
  ('organization', '*', 'requests-per-second', 5, 5, 0),
  ('organization', '*', 'concurrent-calls', 5, 5, 0),
  ('organization', 'org_default', 'requests-per-second', -1, 0, 0),
  ('organization', 'org_default', 'concurrent-calls', -1, 0, 0);

-- What was used of a day's limit, on the last day that something was: days since 1970, UTC.
CREATE TABLE limit_days (
  kind    TEXT NOT NULL,
  subject TEXT NOT NULL,
  measure TEXT NOT NULL,
  day     BIGINT NOT NULL,
  used    BIGINT NOT NULL,
  PRIMARY KEY (kind, subject, measure)
);

-- Who asks for more, and what became of it.
CREATE TABLE quota_requests (
  id         TEXT PRIMARY KEY,
  kind       TEXT NOT NULL,
  subject    TEXT NOT NULL,
  measure    TEXT NOT NULL,
  amount     BIGINT NOT NULL,
  burst      BIGINT NOT NULL,
  reason     TEXT NOT NULL,
  link       TEXT NOT NULL, -- to its papers; empty: none
  asked_by   TEXT NOT NULL,
  asked      BIGINT NOT NULL,
  state      TEXT NOT NULL CHECK (state IN ('waiting', 'approved', 'refused')),
  decided_by TEXT NOT NULL, -- empty while it waits
  decided    BIGINT,
  note       TEXT NOT NULL
);

CREATE INDEX quota_requests_by_time ON quota_requests (asked, id);
