package dev.lockkeeper.dialect.openai;

/** How another upstream is asked to go on with a stream that broke; the surest first. */
public enum Way {
    /** It gets the delivered text as the beginning of its own answer, and writes what follows. */
    PREFILL,
    /** It gets the client's request as it is; where its answer begins with the delivered text, the rest of it goes on. */
    AGAIN,
    /** It gets the delivered text as a message, and is asked to repeat its last words and go on. */
    QUOTED
}
