package dev.lockkeeper.dialect.openai;

/** Why nobody can go on with an answer: sentences for records and logs. */
final class Delivering {
    static final String LONG = "More was delivered than is kept.";
    static final String SEALED = "Its reasoning is sealed, and only the model that wrote it can go on from there.";
    static final String MORE = "More than text was delivered: a tool's call, a refusal, audio, pictures or sources.";
    static final String BETWEEN = "Its text and something else came by turns.";
    static final String HALF = "Its text breaks off within a character.";
    static final String OTHER = "Streams of this kind are not gone on with.";

    private Delivering() {}
}
