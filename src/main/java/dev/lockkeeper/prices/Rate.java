package dev.lockkeeper.prices;

import java.util.Locale;

/** Something that has a price of its own, and what one price is for. */
public enum Rate {
    /** Text of the prompt that no cache knew. */
    INPUT(Part.PROMPT, Unit.MILLION),
    /** Text of the prompt read from the provider's cache; unless written, as fresh text. */
    CACHED_INPUT(Part.PROMPT, Unit.MILLION),
    /** Prompt written to the provider's cache for 5 or 30 minutes; unless written, as fresh text. */
    CACHE_WRITE(Part.PROMPT, Unit.MILLION),
    /** The same for an hour and more; unless written, as for a short time. */
    CACHE_WRITE_LONG(Part.PROMPT, Unit.MILLION),
    /** Audio of the prompt; unless written, as text. */
    AUDIO_INPUT(Part.PROMPT, Unit.MILLION),
    /** Audio of the prompt read from the cache; unless written, as audio if that has a price, else as cached text. */
    CACHED_AUDIO_INPUT(Part.PROMPT, Unit.MILLION),
    /** Pictures of the prompt; unless written, as text. */
    IMAGE_INPUT(Part.PROMPT, Unit.MILLION),
    /** Pictures of the prompt read from the cache; unless written, as pictures if they have a price, else as cached text. */
    CACHED_IMAGE_INPUT(Part.PROMPT, Unit.MILLION),
    /** Generated text. */
    OUTPUT(Part.ANSWER, Unit.MILLION),
    /** Generated reasoning; unless written, as text. */
    REASONING(Part.ANSWER, Unit.MILLION),
    /** Generated audio; unless written, as text. */
    AUDIO_OUTPUT(Part.ANSWER, Unit.MILLION),
    /** Generated pictures; unless written, as text. */
    IMAGE_OUTPUT(Part.ANSWER, Unit.MILLION),
    /** Audio where the provider bills by time. */
    AUDIO_MINUTE(Part.OTHER, Unit.MINUTE),
    /** Characters that are spoken, where the provider bills by them. */
    CHARACTERS(Part.OTHER, Unit.MILLION),
    /** Pictures, where the provider bills by the piece. */
    IMAGE(Part.OTHER, Unit.EACH),
    /** Calls. */
    REQUEST(Part.OTHER, Unit.EACH),
    /** Searches of the web by the provider. */
    WEB_SEARCH(Part.FEE, Unit.EACH),
    /** Searches of the provider's vector stores. */
    FILE_SEARCH(Part.FEE, Unit.EACH),
    /** Containers that the provider ran code in. */
    CONTAINER(Part.FEE, Unit.EACH),
    /** Calls of other hosted tools. */
    OTHER_TOOL(Part.FEE, Unit.EACH),
    /** What the provider's image tool read. */
    TOOL_IMAGE_INPUT(Part.FEE, Unit.MILLION),
    /** What the provider's image tool made. */
    TOOL_IMAGE_OUTPUT(Part.FEE, Unit.MILLION);

    /** What one price is for. */
    public enum Unit {
        /** A million tokens or characters. */
        MILLION,
        /** A minute. */
        MINUTE,
        /** One of them. */
        EACH
    }

    /** The largest price of a million or a minute, in nano-dollars: $1,000. With it no bill can overflow. */
    public static final long MOST = 1_000_000_000_000L;

    /** The largest price of one, in nano-dollars: $100. */
    public static final long MOST_EACH = 100_000_000_000L;

    /** Which part of a bill it belongs to. */
    private enum Part {
        PROMPT,
        ANSWER,
        OTHER,
        FEE
    }

    private final Part part;
    private final Unit unit;

    Rate(Part part, Unit unit) {
        this.part = part;
        this.unit = unit;
    }

    /** What one price is for. */
    public Unit unit() {
        return unit;
    }

    /** Its name in files, such as {@code cached-input}. */
    public String key() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** Whether it is a fee of a provider's hosted tools, which no tier and no long prompt changes. */
    public boolean isFee() {
        return part == Part.FEE;
    }

    /** The largest price that may be written, in nano-dollars. */
    public long most() {
        return unit == Unit.EACH ? MOST_EACH : MOST;
    }

    boolean isInput() {
        return part == Part.PROMPT;
    }

    boolean isOutput() {
        return part == Part.ANSWER;
    }
}
