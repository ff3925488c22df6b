package dev.lockkeeper.dialect.openai;

import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Joins what another upstream writes to a text that was delivered: takes its pieces as they come, keeps back what was
 * delivered already, and says when the two don't fit. What it gave is never taken back, so it fails only before it gave
 * anything. One per continuation, one thread.
 */
final class Joint {
    /** Characters of a text's end that the other upstream is asked to repeat, at most. */
    static final int ANCHOR = 80;

    /** Characters of a quoted continuation that are looked at before anything of it is given. */
    static final int LOOK = 240;

    /** Characters that stand twice by chance no more; fewer prove nothing. */
    static final int SURE = 12;

    /** Characters before which a text is too short for its echo to be told from a continuation. */
    static final int SHORTEST_PREFILL = 24;

    /** Characters of the delivered text's beginning that show that an answer began anew. */
    private static final int ANEW = 24;

    /** Characters that stand twice by chance only in short words. */
    private static final int DOUBTFUL = 3;

    /** How answers begin that talk about the text rather than go on with it. */
    private static final List<String> PREAMBLES = List.of(
            "sorry",
            "i'm sorry",
            "i\u2019m sorry",
            "i am sorry",
            "i apologize",
            "i apologise",
            "my apologies",
            "apologies",
            "sure,",
            "sure!",
            "sure.",
            "certainly",
            "of course",
            "here is",
            "here's",
            "here\u2019s",
            "continuing",
            "continued",
            "continuation",
            "to continue",
            "as requested",
            "understood",
            "okay",
            "ok,",
            "ok.",
            "got it",
            "let me continue",
            "i'll continue",
            "i will continue",
            "i can't",
            "i cannot",
            "```");

    private enum State {
        /** The other text has to be the delivered one as far as that goes. */
        SWALLOWING,
        /** It may be an echo of the delivered one, or follow it. */
        ECHO,
        /** It is looked at. */
        LOOKING,
        /** What comes now follows. */
        JOINED,
        FAILED
    }

    private final String text;
    private final StringBuilder looked = new StringBuilder();
    private State state;
    private int at;
    private int kept;
    private String half = "";
    private boolean over;
    private @Nullable String failure;

    /**
     * @param text what was delivered
     * @param way what was asked for
     */
    Joint(String text, Way way) {
        this.text = text;
        this.state = text.isEmpty()
                ? State.JOINED
                : switch (way) {
                    case PREFILL -> State.ECHO;
                    case AGAIN -> State.SWALLOWING;
                    case QUOTED -> State.LOOKING;
                };
    }

    /** The end of a text as it is quoted, from the beginning of a word where there is one. */
    static String anchor(String text) {
        int from = Math.max(0, text.length() - ANCHOR);
        if (from > 0) {
            int word = from;
            while (word < text.length() - SURE * 2 && !Character.isWhitespace(text.charAt(word))) {
                word++;
            }
            while (word < text.length() - SURE * 2 && Character.isWhitespace(text.charAt(word))) {
                word++;
            }
            from = word < text.length() - SURE * 2 ? word : from;
            if (Character.isLowSurrogate(text.charAt(from))) {
                from--;
            }
        }
        return text.substring(from);
    }

    /** Takes the next piece; what of it goes to the client now, maybe nothing. */
    String take(String piece) {
        if (over && !piece.isEmpty()) {
            return fail("it wrote on after the end of its text");
        }
        return switch (state) {
            case JOINED -> given(piece);
            case FAILED -> "";
            case SWALLOWING -> swallow(piece);
            case ECHO -> {
                int common = Math.min(piece.length(), text.length() - at);
                if (!text.regionMatches(at, piece, 0, common)) {
                    // So far it was like the delivered text by chance.
                    yield joined(text.substring(0, at) + piece, 0);
                }
                at += common;
                yield at < text.length() ? "" : joined(piece.substring(common), at);
            }
            case LOOKING -> {
                looked.append(piece);
                yield looked.length() < LOOK ? "" : decide(false);
            }
        };
    }

    /** The other text is over, or something else than text comes: what of it is still to be given. */
    String end() {
        if (over) {
            return "";
        }
        String rest = switch (state) {
            case JOINED, FAILED -> "";
            case SWALLOWING -> fail("it ended before what was delivered");
            // A model that only thought, or saw nothing left to say: whether the text was whole nobody knows.
            case ECHO -> at == 0 ? fail("no text came") : joined(text.substring(0, at), 0);
            case LOOKING -> decide(true);
        };
        over = state != State.FAILED;
        if (over) {
            rest += half;
            half = "";
        }
        return rest;
    }

    /** Why the two don't fit; null as long as they may. */
    @Nullable String failure() {
        return failure;
    }

    /** Whether what comes now is given as it comes. */
    boolean joined() {
        return state == State.JOINED;
    }

    /** By how many characters a place in the other text stands further behind in the joined one. */
    int shift() {
        return text.length() - kept;
    }

    private String swallow(String piece) {
        int common = Math.min(piece.length(), text.length() - at);
        if (!text.regionMatches(at, piece, 0, common)) {
            return fail("its text is another one");
        }
        at += common;
        kept += common;
        if (at < text.length()) {
            return "";
        }
        state = State.JOINED;
        return given(piece.substring(common));
    }

    private String decide(boolean ended) {
        String other = looked.toString();
        if (other.isEmpty()) {
            return fail("no text came");
        }
        if (other.startsWith(text)) {
            return joined(other.substring(text.length()), text.length());
        }
        int overlap = Math.min(other.length(), text.length());
        while (overlap > 0 && !text.regionMatches(text.length() - overlap, other, 0, overlap)) {
            overlap--;
        }
        if (overlap >= SURE) {
            return joined(other.substring(overlap), overlap);
        }
        if (other.length() >= SURE) {
            int place = text.lastIndexOf(other);
            if (place >= 0) {
                // All that came is a repetition of something further up: it has to reach the end.
                if (ended) {
                    return fail("it only repeated what was delivered");
                }
                state = State.SWALLOWING;
                at = place + other.length();
                kept = other.length();
                return "";
            }
        }
        String why = unfit(other, overlap);
        return why == null ? joined(other, 0) : fail(why);
    }

    /** Why a text without a sure overlap does not follow; null: it does. */
    private @Nullable String unfit(String other, int overlap) {
        if (overlap >= DOUBTFUL) {
            return "it can't be told whether it repeats what was delivered";
        }
        int common = 0;
        while (common < Math.min(other.length(), text.length()) && other.charAt(common) == text.charAt(common)) {
            common++;
        }
        if (common >= ANEW) {
            return "it began anew";
        }
        if (text.length() >= SURE && other.contains(text.substring(text.length() - SURE))) {
            return "it repeats what was delivered among other words";
        }
        String start = other.strip().toLowerCase(Locale.ROOT);
        for (String preamble : PREAMBLES) {
            if (start.startsWith(preamble)) {
                return "it begins with a preamble";
            }
        }
        char last = text.charAt(text.length() - 1);
        char first = other.charAt(0);
        boolean parted =
                Character.isWhitespace(last) || Character.isWhitespace(first) || ".,;:!?)]}\u2026".indexOf(first) >= 0;
        return parted ? null : "it can't be told whether a word goes on or another begins";
    }

    private String joined(String rest, int repeated) {
        state = State.JOINED;
        kept = repeated;
        looked.setLength(0);
        return given(rest);
    }

    /** A pair of surrogates that two pieces share goes out as one. */
    private String given(String piece) {
        if (piece.isEmpty()) {
            return "";
        }
        String whole = half + piece;
        half = "";
        int end = whole.length();
        if (Character.isHighSurrogate(whole.charAt(end - 1))) {
            half = whole.substring(end - 1);
            return whole.substring(0, end - 1);
        }
        return whole;
    }

    private String fail(String why) {
        state = State.FAILED;
        failure = why;
        return "";
    }
}
