package dev.lockkeeper.simulator;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/** Makes a text that matches a regular expression, for the common constructs. Others make a text that may not match. */
final class Regex {
    private static final int MORE = 3;
    private static final int MOST_REPEATS = 1_000;
    private static final int DEPTH = 50;
    private static final int TRIES = 20;

    private final String pattern;
    private final SplittableRandom chance;
    private final StringBuilder text = new StringBuilder();
    private int at;

    private Regex(String pattern, SplittableRandom chance) {
        this.pattern = pattern;
        this.chance = chance;
    }

    static String make(String pattern, SplittableRandom chance) {
        Pattern check;
        try {
            check = Pattern.compile(pattern);
        } catch (PatternSyntaxException notJava) {
            return Prose.phrase(1, chance);
        }
        String made = "";
        for (int i = 0; i < TRIES; i++) {
            Regex regex = new Regex(pattern, chance);
            regex.alternation(0).run();
            made = regex.text.toString();
            if (check.matcher(made).find()) {
                return made;
            }
        }
        return made;
    }

    private Runnable alternation(int depth) {
        List<Runnable> branches = new ArrayList<>();
        branches.add(sequence(depth));
        while (at < pattern.length() && pattern.charAt(at) == '|') {
            at++;
            branches.add(sequence(depth));
        }
        return branches.size() == 1
                ? branches.getFirst()
                : () -> branches.get(chance.nextInt(branches.size())).run();
    }

    private Runnable sequence(int depth) {
        List<Runnable> parts = new ArrayList<>();
        while (at < pattern.length() && pattern.charAt(at) != '|' && pattern.charAt(at) != ')') {
            parts.add(quantified(atom(depth)));
        }
        return () -> parts.forEach(Runnable::run);
    }

    private Runnable quantified(Runnable atom) {
        int least = 1;
        int most = 1;
        if (at < pattern.length()) {
            char c = pattern.charAt(at);
            if (c == '*' || c == '+' || c == '?') {
                at++;
                least = c == '+' ? 1 : 0;
                most = c == '?' ? 1 : least + MORE;
            } else if (c == '{') {
                int close = pattern.indexOf('}', at);
                String[] bounds = pattern.substring(at + 1, close).split(",", -1);
                least = Integer.parseInt(bounds[0].strip());
                most = bounds.length == 1
                        ? least
                        : bounds[1].isBlank() ? least + MORE : Integer.parseInt(bounds[1].strip());
                at = close + 1;
            }
            if (at < pattern.length() && (pattern.charAt(at) == '?' || pattern.charAt(at) == '+') && least != most) {
                at++;
            }
        }
        int from = Math.min(least, MOST_REPEATS);
        int to = Math.min(Math.max(most, from), MOST_REPEATS);
        return () -> {
            int times = from + chance.nextInt(Math.min(to - from, MORE) + 1);
            for (int i = 0; i < times; i++) {
                atom.run();
            }
        };
    }

    private Runnable atom(int depth) {
        char c = pattern.charAt(at++);
        return switch (c) {
            case '^', '$' -> () -> {};
            case '.' -> () -> text.append((char) ('a' + chance.nextInt(26)));
            case '(' -> group(depth);
            case '[' -> set();
            case '\\' -> escape(pattern.charAt(at++));
            default -> () -> text.append(c);
        };
    }

    private Runnable group(int depth) {
        boolean silent = false;
        if (pattern.startsWith("?", at)) {
            if (pattern.startsWith("?<", at) && !pattern.startsWith("?<=", at) && !pattern.startsWith("?<!", at)) {
                at = pattern.indexOf('>', at) + 1;
            } else if (pattern.startsWith("?:", at)) {
                at += 2;
            } else {
                // Lookaround makes nothing; what matches by luck is taken.
                silent = true;
                at += pattern.startsWith("?<", at) ? 3 : 2;
            }
        }
        Runnable inside = depth > DEPTH ? () -> {} : alternation(depth + 1);
        at++;
        return silent ? () -> {} : inside;
    }

    private Runnable escape(char c) {
        return switch (c) {
            case 'd' -> () -> text.append((char) ('0' + chance.nextInt(10)));
            case 'w' -> () -> text.append((char) ('a' + chance.nextInt(26)));
            case 's' -> () -> text.append(' ');
            case 'D', 'S' -> () -> text.append((char) ('a' + chance.nextInt(26)));
            case 'W' -> () -> text.append('-');
            case 'n' -> () -> text.append('\n');
            case 't' -> () -> text.append('\t');
            case 'r' -> () -> text.append('\r');
            case 'b', 'B', 'A', 'z', 'Z' -> () -> {};
            default -> () -> text.append(c);
        };
    }

    /** A character class: tried against Java's own reading of it, so that all its syntax is right. */
    private Runnable set() {
        int from = at - 1;
        if (pattern.startsWith("^", at)) {
            at++;
        }
        if (pattern.startsWith("]", at)) {
            at++;
        }
        int depth = 1;
        while (depth > 0) {
            char c = pattern.charAt(at++);
            if (c == '\\') {
                at++;
            } else if (c == '[') {
                depth++;
            } else if (c == ']') {
                depth--;
            }
        }
        Pattern set = Pattern.compile(pattern.substring(from, at));
        StringBuilder members = new StringBuilder();
        for (char c = ' '; c < 127; c++) {
            if (set.matcher(String.valueOf(c)).matches()) {
                members.append(c);
            }
        }
        for (char c = 160; c < 0x2000 && members.isEmpty(); c++) {
            if (set.matcher(String.valueOf(c)).matches()) {
                members.append(c);
            }
        }
        return () -> {
            if (!members.isEmpty()) {
                text.append(members.charAt(chance.nextInt(members.length())));
            }
        };
    }
}
