-- Idempotency keys and what was answered. Times are milliseconds since 1970, UTC.
CREATE TABLE repeats (
  key_id  TEXT NOT NULL,    -- the API key that called
  name    BLOB NOT NULL,    -- SHA-256 of the idempotency key
  request BLOB NOT NULL,    -- keyed hash of the request
  secret  TEXT NOT NULL,    -- which secret that hash and the answer were made with
  state   TEXT NOT NULL CHECK (state IN ('running', 'ended')),
  node    TEXT NOT NULL,    -- which data folder's process is at it
  call_id TEXT NOT NULL,
  lease   INTEGER NOT NULL, -- until when that process is taken to be alive
  expires INTEGER NOT NULL,
  bytes   INTEGER NOT NULL, -- of the answer as it is kept
  answer  BLOB,             -- encrypted; null: none is kept
  PRIMARY KEY (key_id, name)
) STRICT;

CREATE INDEX repeats_by_expiry ON repeats (expires);
CREATE INDEX repeats_running ON repeats (node) WHERE state = 'running';
