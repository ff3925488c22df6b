-- At how many percent of what an hour usually costs an alert is told; 0 for never.
ALTER TABLE budgets ADD COLUMN surge INTEGER NOT NULL DEFAULT 300;

-- The model that calls go to for which too little is left; empty: they are refused.
ALTER TABLE budgets ADD COLUMN fallback_model TEXT NOT NULL DEFAULT '';

-- Alerts, and what became of them. Money in nano-dollars, times in milliseconds since 1970, UTC.
CREATE TABLE alerts (
  id           TEXT PRIMARY KEY,
  kind         TEXT NOT NULL, -- threshold, surge, overrun
  budget       BIGINT NOT NULL REFERENCES budgets (id),
  period_start BIGINT NOT NULL, -- of a surge and an overrun, when its hour began
  percent      INTEGER NOT NULL, -- of the base
  base         BIGINT NOT NULL, -- of a threshold what was granted, of a surge what the hour usually costs, of an overrun what was held
  spent        BIGINT NOT NULL,
  seen         BIGINT NOT NULL,
  state        TEXT NOT NULL CHECK (state IN ('new', 'waiting', 'logged', 'delivered', 'given_up')),
  tries        INTEGER NOT NULL,
  next_try     BIGINT NOT NULL,
  trouble      TEXT NOT NULL -- why the last try failed
);

CREATE INDEX alerts_due ON alerts (next_try) WHERE state IN ('new', 'waiting');
