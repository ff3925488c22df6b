-- When a process that writes here was last heard, by the database's clock, milliseconds since 1970; 0: it has stopped.
ALTER TABLE nodes ADD COLUMN heard INTEGER NOT NULL DEFAULT 0;

-- Where it runs, for people: its machine and folder.
ALTER TABLE nodes ADD COLUMN place TEXT NOT NULL DEFAULT '';

-- Raised when an operator takes from a node what it has leased. The node takes part again from the next start on, which
-- notes the number as joined.
ALTER TABLE nodes ADD COLUMN fence INTEGER NOT NULL DEFAULT 0;
ALTER TABLE nodes ADD COLUMN joined INTEGER NOT NULL DEFAULT 0;

-- Only of use where several processes share a database, which is PostgreSQL then.
CREATE TABLE budget_changes (
  id       INTEGER PRIMARY KEY CHECK (id = 1),
  changes  INTEGER NOT NULL,
  numbered INTEGER NOT NULL -- the highest number given to a budget
) STRICT, WITHOUT ROWID;
INSERT INTO budget_changes (id, changes, numbered) VALUES (1, 0, 0);

-- What each node may hold and spend of a hard budget in a period, nano-dollars, from the period's beginning. Over all nodes
-- of a budget: accounts.spent + sum(max(0, granted - spent)) <= the amount of the period, with what was carried over.
CREATE TABLE leases (
  budget       INTEGER NOT NULL REFERENCES budgets (id),
  period_start INTEGER NOT NULL,
  node         INTEGER NOT NULL REFERENCES nodes (id),
  granted      INTEGER NOT NULL,
  spent        INTEGER NOT NULL, -- booked by this node; it is in accounts.spent as well
  overrun      INTEGER NOT NULL, -- of that
  wish         INTEGER NOT NULL, -- what calls there lack, and others should give back
  PRIMARY KEY (budget, period_start, node)
) STRICT, WITHOUT ROWID;

CREATE INDEX leases_of_node ON leases (node);
CREATE INDEX leases_wished ON leases (budget, period_start) WHERE wish > 0;
