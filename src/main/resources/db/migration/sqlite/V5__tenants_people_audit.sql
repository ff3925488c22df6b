-- While closed, or once revoked, a tenant's keys are refused. Markup in hundredths of a percent, a discount below 0.
ALTER TABLE organizations ADD COLUMN markup INTEGER NOT NULL DEFAULT 0;
ALTER TABLE organizations ADD COLUMN closed INTEGER;
ALTER TABLE organizations ADD COLUMN revoked INTEGER;

ALTER TABLE projects ADD COLUMN test_providers TEXT NOT NULL DEFAULT ''; -- one per line; empty: simulated ones
ALTER TABLE projects ADD COLUMN closed INTEGER;
ALTER TABLE projects ADD COLUMN revoked INTEGER;

ALTER TABLE keys ADD COLUMN environment TEXT NOT NULL DEFAULT '';
ALTER TABLE keys ADD COLUMN expires INTEGER;
ALTER TABLE keys ADD COLUMN tools TEXT NOT NULL DEFAULT 'all';   -- all, none, or one per line
ALTER TABLE keys ADD COLUMN networks TEXT NOT NULL DEFAULT '';   -- one per line; empty: anywhere
ALTER TABLE keys ADD COLUMN previous_hash BLOB;                  -- the text before, while it still works
ALTER TABLE keys ADD COLUMN previous_until INTEGER;
ALTER TABLE keys ADD COLUMN used INTEGER;                        -- to about a minute

CREATE TABLE people (
  id      TEXT PRIMARY KEY,
  name    TEXT NOT NULL,
  email   TEXT NOT NULL,
  role    TEXT NOT NULL,
  created INTEGER NOT NULL,
  removed INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE invitations (
  id       TEXT PRIMARY KEY,
  name     TEXT NOT NULL,
  email    TEXT NOT NULL,
  role     TEXT NOT NULL,
  hash     BLOB NOT NULL UNIQUE,
  created  INTEGER NOT NULL,
  expires  INTEGER NOT NULL,
  accepted INTEGER,
  revoked  INTEGER
) STRICT, WITHOUT ROWID;

-- Of a token's text only the SHA-256 is kept. What a person's token may is bounded by the person's role, too.
CREATE TABLE admin_tokens (
  id      TEXT PRIMARY KEY,
  name    TEXT NOT NULL,
  person  TEXT REFERENCES people (id),
  scopes  TEXT NOT NULL, -- one per line
  hash    BLOB NOT NULL UNIQUE,
  last4   TEXT NOT NULL,
  created INTEGER NOT NULL,
  expires INTEGER,
  revoked INTEGER
) STRICT, WITHOUT ROWID;

-- Counts changes of all of the above and of keys, projects and organizations: other nodes look at it.
CREATE TABLE changes (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  n  INTEGER NOT NULL
) STRICT;

INSERT INTO changes (id, n) VALUES (1, 0);

-- hash: SHA-256, in hexadecimal, over the hash before and the row as JSON.
CREATE TABLE audit (
  seq        INTEGER PRIMARY KEY,
  at         INTEGER NOT NULL,
  actor      TEXT NOT NULL,
  actor_name TEXT NOT NULL,
  action     TEXT NOT NULL,
  subject    TEXT NOT NULL,
  was        TEXT,
  becomes    TEXT,
  hash       TEXT NOT NULL
) STRICT;

CREATE INDEX audit_by_subject ON audit (subject, seq);

CREATE TRIGGER audit_stays BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_is_kept BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
