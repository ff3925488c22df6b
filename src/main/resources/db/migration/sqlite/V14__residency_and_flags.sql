-- Where a tenant's calls may be answered: labels of providers, one per line; empty: anywhere, for a project where its
-- organization's may be.
ALTER TABLE organizations ADD COLUMN regions TEXT NOT NULL DEFAULT '';
ALTER TABLE projects ADD COLUMN regions TEXT NOT NULL DEFAULT '';

-- Shares of cases that go in place of the configured ones. Counted and logged with keys (changes, audit).
CREATE TABLE flags (
  id         TEXT PRIMARY KEY,
  model      TEXT NOT NULL,
  named      TEXT NOT NULL,    -- the case
  tenant     TEXT NOT NULL,    -- a project's or an organization's id; empty: everybody
  share      INTEGER NOT NULL, -- hundredths of a percent
  created    INTEGER NOT NULL,
  changed    INTEGER NOT NULL,
  changed_by TEXT NOT NULL,
  UNIQUE (model, named, tenant)
) STRICT, WITHOUT ROWID;
