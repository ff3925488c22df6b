package dev.lockkeeper.ledger;

import java.io.IOException;

/** A journal that can't be read: the ledger does not open. The message names file and offset, and what to do. */
public final class JournalDamaged extends IOException {
    private static final long serialVersionUID = 1L;

    JournalDamaged(String message) {
        super(message);
    }
}
