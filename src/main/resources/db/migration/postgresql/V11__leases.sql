-- When a process that writes here was last heard, by the database's clock, milliseconds since 1970; 0: it has stopped.
ALTER TABLE nodes ADD COLUMN heard BIGINT NOT NULL DEFAULT 0;

-- Where it runs, for people: its machine and folder.
ALTER TABLE nodes ADD COLUMN place TEXT NOT NULL DEFAULT '';

-- Raised when an operator takes from a node what it has leased. The node takes part again from the next start on, which
-- notes the number as joined.
ALTER TABLE nodes ADD COLUMN fence BIGINT NOT NULL DEFAULT 0;
ALTER TABLE nodes ADD COLUMN joined BIGINT NOT NULL DEFAULT 0;

-- How often budgets were made, changed or closed, and nodes fenced. Whoever does that locks the table EXCLUSIVE; whoever
-- books locks it ROW SHARE and looks whether it knows all.
CREATE TABLE budget_changes (
  id       BIGINT PRIMARY KEY CHECK (id = 1),
  changes  BIGINT NOT NULL,
  numbered BIGINT NOT NULL -- the highest number given to a budget
);
INSERT INTO budget_changes (id, changes, numbered) VALUES (1, 0, 0);

-- What each node may hold and spend of a hard budget in a period, nano-dollars, from the period's beginning. Over all nodes
-- of a budget: accounts.spent + sum(max(0, granted - spent)) <= the amount of the period, with what was carried over.
CREATE TABLE leases (
  budget       BIGINT NOT NULL REFERENCES budgets (id),
  period_start BIGINT NOT NULL,
  node         BIGINT NOT NULL REFERENCES nodes (id),
  granted      BIGINT NOT NULL,
  spent        BIGINT NOT NULL, -- booked by this node; it is in accounts.spent as well
  overrun      BIGINT NOT NULL, -- of that
  wish         BIGINT NOT NULL, -- what calls there lack, and others should give back
  PRIMARY KEY (budget, period_start, node)
);

CREATE INDEX leases_of_node ON leases (node);
CREATE INDEX leases_wished ON leases (budget, period_start) WHERE wish > 0;
