package dev.lockkeeper.simulator;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Makes sentences of a wanted number of tokens. Every word of its vocabulary is one token when a space stands before
 * it, and so is the full stop, so that the length is exact without counting.
 */
final class Prose {
    static final List<String> ADJECTIVES = List.of(
            "quiet", "small", "green", "early", "heavy", "open", "broad", "clear", "slow", "bright", "old", "narrow",
            "calm", "warm", "deep", "long");
    static final List<String> NOUNS = List.of(
            "river", "lock", "gate", "boat", "water", "bridge", "city", "bank", "engine", "road", "signal", "keeper",
            "valley", "harbor", "market", "letter", "garden", "window", "paper", "stone");
    static final List<String> VERBS = List.of(
            "holds", "opens", "carries", "meets", "follows", "crosses", "keeps", "moves", "shows", "leaves", "takes",
            "brings", "passes");
    static final List<String> PREPOSITIONS = List.of("near", "under", "behind", "beside", "above", "past");

    private static final int MIN_SENTENCE = 4;
    private static final int MAX_SENTENCE = 8;
    private static final int ECHOED_WORDS = 6;
    private static final int LONGEST_ECHO = 120;

    private Prose() {}

    /** A text of exactly so many tokens that mentions the last words of what was asked, where there is room for it. */
    static String text(String asked, int tokens, SplittableRandom chance) {
        StringBuilder text = new StringBuilder(tokens * 6 + 32);
        int left = tokens;
        String echo = lastWords(asked);
        if (!echo.isEmpty()) {
            String opening = "You asked about \"" + echo + "\".";
            int count = Tokens.count(opening);
            if (count == left || count + MIN_SENTENCE <= left) {
                text.append(opening);
                left -= count;
            }
        }
        sentences(text, left, chance);
        return text.toString();
    }

    private static void sentences(StringBuilder text, int tokens, SplittableRandom chance) {
        int left = tokens;
        while (left > 0) {
            int length;
            if (left < MIN_SENTENCE) {
                length = left;
            } else if (left <= MAX_SENTENCE) {
                length = left;
            } else {
                int longest = Math.min(MAX_SENTENCE, left - MIN_SENTENCE);
                length = MIN_SENTENCE + chance.nextInt(longest - MIN_SENTENCE + 1);
            }
            sentence(text, length, chance);
            left -= length;
        }
    }

    private static void sentence(StringBuilder text, int tokens, SplittableRandom chance) {
        String the = text.isEmpty() ? "The" : " The";
        switch (tokens) {
            case 1 -> text.append(text.isEmpty() ? "Yes" : ".");
            case 2 -> text.append(text.isEmpty() ? "Yes." : " Yes.");
            case 3 ->
                text.append(text.isEmpty() ? "It" : " It")
                        .append(word(VERBS, chance))
                        .append('.');
            case 4 -> words(text.append(the), chance, NOUNS, VERBS);
            case 5 -> words(text.append(the), chance, ADJECTIVES, NOUNS, VERBS);
            case 6 -> {
                words(text.append(the), chance, NOUNS, VERBS);
                text.setLength(text.length() - 1);
                words(text.append(" the"), chance, NOUNS);
            }
            case 7 -> {
                words(text.append(the), chance, NOUNS, VERBS);
                text.setLength(text.length() - 1);
                words(text.append(" the"), chance, ADJECTIVES, NOUNS);
            }
            default -> {
                words(text.append(the), chance, ADJECTIVES, NOUNS, VERBS);
                text.setLength(text.length() - 1);
                words(text.append(" the"), chance, ADJECTIVES, NOUNS);
            }
        }
    }

    @SafeVarargs
    private static void words(StringBuilder text, SplittableRandom chance, List<String>... lists) {
        for (List<String> list : lists) {
            text.append(word(list, chance));
        }
        text.append('.');
    }

    private static String word(List<String> list, SplittableRandom chance) {
        return " " + list.get(chance.nextInt(list.size()));
    }

    /** One word or a few, for a string that has to stand somewhere. */
    static String phrase(int words, SplittableRandom chance) {
        StringBuilder phrase = new StringBuilder();
        for (int i = 0; i < words; i++) {
            List<String> list = i == words - 1 ? NOUNS : ADJECTIVES;
            phrase.append(i == 0 ? "" : " ").append(list.get(chance.nextInt(list.size())));
        }
        return phrase.toString();
    }

    /** The last few words, without line breaks and quotes. */
    static String lastWords(String asked) {
        int end = asked.length();
        int from = end;
        int words = 0;
        boolean inWord = false;
        while (from > 0 && end - from < LONGEST_ECHO) {
            boolean space = Character.isWhitespace(asked.charAt(from - 1));
            if (space && inWord) {
                words++;
                inWord = false;
                if (words == ECHOED_WORDS) {
                    break;
                }
            } else if (!space) {
                inWord = true;
            }
            from--;
        }
        if (from > 0 && from < end && Character.isLowSurrogate(asked.charAt(from))) {
            from++;
        }
        return asked.substring(from)
                .replaceAll("[\\s\"“”]+", " ")
                .replaceAll("[.?!]+\\s*$", "")
                .strip();
    }

    /** The pieces in which a text is streamed: a word with the space before it, or a mark. Joined they are the text. */
    static List<String> pieces(String text) {
        List<String> pieces = new ArrayList<>(text.length() / 4 + 1);
        int from = 0;
        for (int i = 1; i <= text.length(); i++) {
            if (i == text.length() || starts(text, i, from)) {
                pieces.add(text.substring(from, i));
                from = i;
            }
        }
        return pieces;
    }

    private static final int LONGEST_PIECE = 16;

    private static boolean starts(String text, int i, int from) {
        char before = text.charAt(i - 1);
        char here = text.charAt(i);
        if (Character.isHighSurrogate(before)) {
            return false;
        }
        if (i - from >= LONGEST_PIECE) {
            return true;
        }
        boolean word = Character.isLetterOrDigit(here) || Character.isSurrogate(here);
        boolean afterWord = Character.isLetterOrDigit(before) || Character.isSurrogate(before);
        if (word) {
            return !afterWord && before != ' ';
        }
        return afterWord || (here == ' ') != (before == ' ');
    }
}
