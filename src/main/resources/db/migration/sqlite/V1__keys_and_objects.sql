-- Who pays > what is budgeted > what calls. Times are milliseconds since 1970, UTC.
CREATE TABLE organizations (
  id      TEXT PRIMARY KEY,
  name    TEXT NOT NULL UNIQUE,
  created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE projects (
  id           TEXT PRIMARY KEY,
  organization TEXT NOT NULL REFERENCES organizations (id),
  name         TEXT NOT NULL,
  created      INTEGER NOT NULL,
  UNIQUE (organization, name)
) STRICT, WITHOUT ROWID;

-- Of a key's text only the SHA-256 is kept, and its last characters to recognise it by.
CREATE TABLE keys (
  id       TEXT PRIMARY KEY,
  project  TEXT NOT NULL REFERENCES projects (id),
  name     TEXT NOT NULL,
  kind     TEXT NOT NULL CHECK (kind IN ('live', 'test')),
  hash     BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
  last4    TEXT NOT NULL,
  models   TEXT NOT NULL, -- one name per line; empty: every model
  created  INTEGER NOT NULL,
  replaced INTEGER,       -- when the text was last replaced by a new one
  revoked  INTEGER
) STRICT, WITHOUT ROWID;

-- Which project made each object that lives at a provider. A deleted object's row stays for a while:
-- it is where a page that begins after it starts, and nobody else can take its id.
CREATE TABLE objects (
  seq      INTEGER PRIMARY KEY,
  id       TEXT NOT NULL,
  provider TEXT NOT NULL,
  kind     TEXT NOT NULL,
  project  TEXT NOT NULL,
  model    TEXT,
  created  INTEGER NOT NULL,
  gone     INTEGER
) STRICT;

CREATE UNIQUE INDEX objects_by_id ON objects (id, provider);
CREATE INDEX objects_by_project ON objects (project, kind, created, seq);

INSERT INTO organizations (id, name, created) VALUES ('org_default', 'default', 0);
INSERT INTO projects (id, organization, name, created) VALUES ('proj_default', 'org_default', 'default', 0);
