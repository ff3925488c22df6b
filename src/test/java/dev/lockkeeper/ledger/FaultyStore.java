package dev.lockkeeper.ledger;

import dev.lockkeeper.db.Database;
import java.util.List;

/** A store that fails on demand, before or after it has written. */
final class FaultyStore extends Store {
    enum Fault {
        NONE,
        BEFORE,
        /** Committed, but the answer is lost. */
        AFTER,
        /** The machine breaks, not the database. */
        BROKEN
    }

    static final class Failed extends RuntimeException {
        private static final long serialVersionUID = 1L;

        Failed() {
            super("the database is gone");
        }
    }

    Fault fault = Fault.NONE;

    FaultyStore(Database database, long node) {
        super(database, node);
    }

    @Override
    void write(Batch batch) {
        Fault now = fault;
        fault = Fault.NONE;
        if (now == Fault.BEFORE) {
            throw new Failed();
        }
        super.write(batch);
        if (now == Fault.AFTER) {
            throw new Failed();
        }
    }

    @Override
    Leases.Round lease(List<Leases.Wished> wishes) {
        Fault now = fault;
        fault = Fault.NONE;
        if (now == Fault.BEFORE) {
            throw new Failed();
        }
        if (now == Fault.BROKEN) {
            throw new StackOverflowError("too deep");
        }
        Leases.Round round = super.lease(wishes);
        if (now == Fault.AFTER) {
            throw new Failed();
        }
        return round;
    }
}
