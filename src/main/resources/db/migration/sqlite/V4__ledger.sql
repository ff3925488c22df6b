-- Money in nano-dollars, times in milliseconds since 1970, UTC.

-- Folders of journals: one for each process that writes here.
CREATE TABLE nodes (
  id      INTEGER PRIMARY KEY,
  created INTEGER NOT NULL
) STRICT;

-- How far each event loop's journal is in here: moved in the transaction that brings what stands before.
CREATE TABLE journals (
  node     INTEGER NOT NULL REFERENCES nodes (id),
  journal  INTEGER NOT NULL, -- the index of the event loop
  position INTEGER NOT NULL, -- the segment's number in the upper 32 bits, the offset in it in the lower
  sequence INTEGER NOT NULL, -- of the record that stands there
  latest   INTEGER NOT NULL, -- the ledger's latest time: it never goes back
  PRIMARY KEY (node, journal)
) STRICT, WITHOUT ROWID;

-- Holds whose segment of the journal is gone, and whose end has not come.
CREATE TABLE open_holds (
  node           INTEGER NOT NULL REFERENCES nodes (id),
  journal        INTEGER NOT NULL,
  position       INTEGER NOT NULL,
  taken          INTEGER NOT NULL,
  call_id        TEXT NOT NULL,
  attempt        INTEGER NOT NULL,
  organization   TEXT NOT NULL,
  project        TEXT NOT NULL,
  key_id         TEXT NOT NULL,
  end_user       TEXT NOT NULL,
  tag            TEXT NOT NULL,
  provider       TEXT NOT NULL,
  model          TEXT NOT NULL,
  upstream_model TEXT NOT NULL,
  held           INTEGER NOT NULL,
  PRIMARY KEY (node, journal, position)
) STRICT, WITHOUT ROWID;

-- One row for each attempt that ended. Rows are never changed.
CREATE TABLE entries (
  id                  INTEGER PRIMARY KEY,
  taken               INTEGER NOT NULL, -- when its hold was taken: it decides the periods that pay
  call_id             TEXT NOT NULL,
  attempt             INTEGER NOT NULL,
  kind                TEXT NOT NULL CHECK (kind IN ('settled', 'overrun', 'recovered')),
  organization        TEXT NOT NULL,
  project             TEXT NOT NULL,
  key_id              TEXT NOT NULL,
  end_user            TEXT NOT NULL,
  tag                 TEXT NOT NULL,
  provider            TEXT NOT NULL,
  model               TEXT NOT NULL,
  upstream_model      TEXT NOT NULL,
  endpoint            TEXT NOT NULL,
  status              INTEGER NOT NULL,
  outcome             TEXT NOT NULL,
  started             INTEGER NOT NULL,
  millis              INTEGER NOT NULL,
  held                INTEGER NOT NULL,
  cost                INTEGER NOT NULL,
  overrun             INTEGER NOT NULL, -- of the cost, what neither the hold nor a hard budget could pay
  estimated           INTEGER NOT NULL,
  tier                TEXT NOT NULL,
  fresh_input         INTEGER NOT NULL,
  cached_input        INTEGER NOT NULL,
  cached_audio_input  INTEGER NOT NULL,
  cached_image_input  INTEGER NOT NULL,
  written_input       INTEGER NOT NULL,
  written_long_input  INTEGER NOT NULL,
  audio_input         INTEGER NOT NULL,
  image_input         INTEGER NOT NULL,
  text_output         INTEGER NOT NULL,
  reasoning_output    INTEGER NOT NULL,
  audio_output        INTEGER NOT NULL,
  image_output        INTEGER NOT NULL,
  accepted_output     INTEGER NOT NULL,
  rejected_output     INTEGER NOT NULL,
  audio_millis        INTEGER NOT NULL,
  images              INTEGER NOT NULL,
  web_searches        INTEGER NOT NULL,
  file_searches       INTEGER NOT NULL,
  containers          INTEGER NOT NULL,
  hosted_images       INTEGER NOT NULL,
  hosted_image_input  INTEGER NOT NULL,
  hosted_image_output INTEGER NOT NULL,
  hosted_others       INTEGER NOT NULL
) STRICT;

CREATE INDEX entries_by_time ON entries (taken);

-- What the operator wrote.
CREATE TABLE budgets (
  id         INTEGER PRIMARY KEY,
  scope_kind TEXT NOT NULL,
  scope_id   TEXT NOT NULL,
  amount     INTEGER NOT NULL CHECK (amount >= 0),
  period     TEXT NOT NULL,
  zone       TEXT NOT NULL,
  hard       INTEGER NOT NULL,
  carry_over INTEGER NOT NULL,
  alerts     TEXT NOT NULL, -- percentages with commas
  created    INTEGER NOT NULL,
  closed     INTEGER
) STRICT;

-- A budget in one period; a period in which nothing was spent may have no row.
CREATE TABLE accounts (
  budget       INTEGER NOT NULL REFERENCES budgets (id),
  period_start INTEGER NOT NULL,
  amount       INTEGER NOT NULL, -- of the budget in that period, without what was carried over
  spent        INTEGER NOT NULL,
  overrun      INTEGER NOT NULL,
  told         INTEGER NOT NULL, -- the highest percentage that an alert was told of
  PRIMARY KEY (budget, period_start)
) STRICT, WITHOUT ROWID;

-- The entries of an hour, added up.
CREATE TABLE rollups (
  hour                INTEGER NOT NULL,
  organization        TEXT NOT NULL,
  project             TEXT NOT NULL,
  key_id              TEXT NOT NULL,
  end_user            TEXT NOT NULL,
  model               TEXT NOT NULL,
  provider            TEXT NOT NULL,
  tag                 TEXT NOT NULL,
  calls               INTEGER NOT NULL,
  estimated           INTEGER NOT NULL, -- of the calls
  cost                INTEGER NOT NULL,
  overrun             INTEGER NOT NULL,
  fresh_input         INTEGER NOT NULL,
  cached_input        INTEGER NOT NULL,
  cached_audio_input  INTEGER NOT NULL,
  cached_image_input  INTEGER NOT NULL,
  written_input       INTEGER NOT NULL,
  written_long_input  INTEGER NOT NULL,
  audio_input         INTEGER NOT NULL,
  image_input         INTEGER NOT NULL,
  text_output         INTEGER NOT NULL,
  reasoning_output    INTEGER NOT NULL,
  audio_output        INTEGER NOT NULL,
  image_output        INTEGER NOT NULL,
  accepted_output     INTEGER NOT NULL,
  rejected_output     INTEGER NOT NULL,
  audio_millis        INTEGER NOT NULL,
  images              INTEGER NOT NULL,
  web_searches        INTEGER NOT NULL,
  file_searches       INTEGER NOT NULL,
  containers          INTEGER NOT NULL,
  hosted_images       INTEGER NOT NULL,
  hosted_image_input  INTEGER NOT NULL,
  hosted_image_output INTEGER NOT NULL,
  hosted_others       INTEGER NOT NULL,
  PRIMARY KEY (hour, organization, project, key_id, end_user, model, provider, tag)
) STRICT, WITHOUT ROWID;
