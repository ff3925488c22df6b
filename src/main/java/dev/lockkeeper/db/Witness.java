package dev.lockkeeper.db;

import org.jdbi.v3.core.Handle;
import org.jspecify.annotations.Nullable;

/** Who is told of a change within the transaction that makes it: the log of changes, for rooms that do not know it. */
@FunctionalInterface
public interface Witness {
    /** Nobody: for changes that no operator asked for. */
    Witness NOBODY = (_, _, _, _) -> {};

    /**
     * Called once for each thing that is changed, last in the transaction: on a shared database the others' changes wait
     * from here to its end.
     *
     * @param subject the id of what is changed
     * @param before its state before as JSON, without secrets; null where there was none
     * @param after its state after; null where there is none
     */
    void saw(Handle handle, String subject, @Nullable String before, @Nullable String after);
}
