package dev.lockkeeper.limits;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Whether a limit makes sense. */
final class LimitCheck {
    private LimitCheck() {}

    /**
     * Makes a limit of what an operator wrote.
     *
     * @param burst null: as much as the amount
     * @throws IllegalArgumentException with field, value and reason
     */
    static Limit limit(Subject subject, Measure measure, long amount, @Nullable Long burst, long nowMillis) {
        checkId(subject);
        long most = measure.unit() == Measure.Unit.CALLS
                ? Limit.MAX_CALLS
                : measure.byDay() ? Limit.MAX_DAY : Limit.MAX_AMOUNT;
        if (amount == Limit.NONE) {
            if (burst != null) {
                throw new IllegalArgumentException("burst: " + burst + " (expected: none where there is no limit)");
            }
            return new Limit(subject, measure, amount, 0, nowMillis);
        }
        checkBetween("amount", amount, most);
        if (burst != null && !measure.bursts()) {
            throw new IllegalArgumentException("burst: " + burst + " (expected: none for " + measure.word()
                    + ", whose limit may be used up at once)");
        }
        if (burst != null) {
            checkBetween("burst", burst, most);
        }
        return new Limit(subject, measure, amount, burst == null ? amount : burst, nowMillis);
    }

    private static void checkBetween(String field, long value, long most) {
        if (value < 1 || value > most) {
            throw new IllegalArgumentException(field + ": " + value + " (expected: 1 to " + most
                    + (field.equals("amount") ? "; to let nobody in, revoke the key or close the project" : "")
                    + ")");
        }
    }

    private static void checkId(Subject subject) {
        String id = subject.id();
        String problem = id.isBlank()
                ? "is empty (expected: on which, or * for each)"
                : id.length() > Subject.MAX_ID
                        ? "has " + id.length() + " characters (expected: at most " + Subject.MAX_ID + ")"
                        : id.chars().anyMatch(Character::isISOControl)
                                ? "has control characters (expected: none)"
                                : null;
        if (problem != null) {
            throw new IllegalArgumentException("id: " + problem);
        }
        boolean slash = id.indexOf('/') > 0 && id.indexOf('/') < id.length() - 1;
        if (subject.kind() == Subject.Kind.END_USER && !slash && !id.equals(Subject.EACH)) {
            throw new IllegalArgumentException(
                    "id: " + id + " (expected: the project's id, a slash and the end user's name, or * for each)");
        }
    }

    /**
     * Refuses a limit that could never be reached because a parent's is lower.
     *
     * @param parents of its subject, the nearest first
     * @throws IllegalArgumentException with field, value and reason
     */
    static void reachable(Limit limit, List<Subject> parents, Rulebook rules) {
        if (limit.unlimited()) {
            return;
        }
        for (Subject parent : parents) {
            for (Limit theirs : rules.of(parent.kind(), parent.id())) {
                String reason = hides(theirs, limit);
                if (reason != null) {
                    boolean burst = reason.startsWith("burst");
                    throw new IllegalArgumentException((burst ? "burst: " + limit.burst() : "amount: " + limit.amount())
                            + " (expected: what can be reached; " + parent + " has a limit of " + theirs
                            + ", which lets"
                            + " at most " + through(theirs, limit.measure(), burst) + " through"
                            + (limit.measure().seconds() == 0 || burst ? " at once" : " in that time")
                            + ")");
                }
            }
        }
    }

    /** @throws IllegalArgumentException when the subject isn't known */
    static List<Subject> parents(Subject subject, Limits.Family family) {
        List<Subject> parents = family.parents(subject);
        if (parents == null) {
            throw new IllegalArgumentException(
                    "id: " + subject + " is not known (expected: the id of one that there is," + " or * for each)");
        }
        return parents;
    }

    /** Those of some limits that a parent's limit keeps from ever being reached. */
    static List<Limit> hidden(Limit parent, List<Limit> children, Limits.Family family) {
        List<Limit> hidden = new ArrayList<>();
        for (Limit each : children) {
            if (!parent.unlimited() && !each.unlimited() && hides(parent, each) != null) {
                List<Subject> parents = family.parents(each.subject());
                if (parents != null && parents.contains(parent.subject())) {
                    hidden.add(each);
                }
            }
        }
        return hidden;
    }

    /** Which field of a child's limit could never be reached; null for none. */
    private static @Nullable String hides(Limit parent, Limit child) {
        if (parent.measure().unit() != child.measure().unit()) {
            return null;
        }
        if (child.amount() > through(parent, child.measure(), false)) {
            return "amount";
        }
        return child.measure().bursts() && child.burst() > through(parent, child.measure(), true) ? "burst" : null;
    }

    /** The most that a parent's limit lets through in the time of a child's, or at once. */
    private static long through(Limit parent, Measure child, boolean atOnce) {
        Measure theirs = parent.measure();
        if (atOnce || theirs == child || theirs.seconds() == 0) {
            return atOnce ? parent.burst() : parent.amount();
        }
        if (theirs.byDay()) {
            return parent.amount();
        }
        // Full at first, and then as much as comes in all of that time.
        return parent.burst() + Math.ceilDiv(parent.amount() * child.seconds(), theirs.seconds());
    }
}
