package dev.lockkeeper.routing;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/** One decision on who is asked. Used by one thread, once. */
final class Choice {
    /** Of so many calls one is led by chance, so that a candidate that has become quick is found out. */
    private static final int EXPLORES = 32;

    /** Times within a tenth of each other are alike. */
    private static final double ALIKE = Math.log(1.1);

    private final Pulse pulse;
    private final Flags flags;
    private final RandomGenerator random;
    private final Traits call;
    private final long nowMillis;
    private final @Nullable Notes notes;

    private final List<Candidate> order = new ArrayList<>(4);
    private final List<Plan.Out> out = new ArrayList<>(0);

    /** Those of whom only the catalogue says that they can't. */
    private final List<Plan.Out> doubted = new ArrayList<>(0);

    private final List<Plan.Out> resting = new ArrayList<>(0);
    private final List<Model> seen = new ArrayList<>(1);

    Choice(Pulse pulse, Flags flags, RandomGenerator random, Traits call, long nowMillis, @Nullable Notes notes) {
        this.pulse = pulse;
        this.flags = flags;
        this.random = random;
        this.call = call;
        this.nowMillis = nowMillis;
        this.notes = notes;
    }

    /** What comes of a call for a model with one candidate, where nothing bars it; null where more has to be looked at. */
    static @Nullable Plan plain(Model model, Traits call, Pulse pulse) {
        Case only = model.only();
        if (only == null) {
            return null;
        }
        Entry entry = only.ranks.getFirst()[0];
        boolean barred = isPinnedElsewhere(entry, call)
                || isOutside(entry, call)
                || entry.written().against(call) != null
                || pulse.restsMillis(entry.candidate()) != 0;
        return barred ? null : only.only;
    }

    Plan plan(Model model) {
        Case holds = holds(model);
        add(model, holds);
        followOn(model);
        if (order.isEmpty() && resting.isEmpty()) {
            // Nobody else is there, and who knows the model best is its provider.
            for (Plan.Out each : doubted) {
                if (notes != null) {
                    notes.butMoved(each.candidate(), "nobody else is left, though the catalogue says: " + each.why());
                }
                addUnlessItRests(each.candidate());
            }
        } else {
            out.addAll(doubted);
        }
        if (!resting.isEmpty()) {
            addResting(model.policy().retryTotal());
        }
        if (out.isEmpty() && holds != null && holds.only != null && order.size() == 1) {
            return holds.only;
        }
        return new Plan(holds == null ? "" : holds.name, order, out);
    }

    /** Adds the targets of models that this one falls back on, each model once. */
    private void followOn(Model model) {
        List<Model> fallback = model.fallback();
        if (fallback.isEmpty()) {
            return;
        }
        seen.add(model);
        for (Model next : fallback) {
            if (!seen.contains(next)) {
                add(next, holds(next));
                followOn(next);
            }
        }
    }

    /** The first case of a model that holds; null when none does. */
    private @Nullable Case holds(Model model) {
        List<Case> cases = model.cases();
        for (int i = 0; i < cases.size(); i++) {
            Case each = cases.get(i);
            Term against = each.when.against(call, nowMillis);
            if (against != null) {
                if (notes != null) {
                    notes.looked(
                            model,
                            each,
                            false,
                            against.found(call, nowMillis) + " (expected: " + against.written() + ")");
                }
            } else if (isIn(model, each)) {
                return each;
            }
        }
        return null;
    }

    /** Whether a call is within the share of a case. */
    private boolean isIn(Model model, Case at) {
        Share share = at.share;
        if (share == null) {
            if (notes != null) {
                notes.looked(model, at, true, at.when.toString());
            }
            return true;
        }
        double flag = flags.percent(model.name(), at.name, call);
        double percent = flag >= 0 ? flag : share.percent();
        String anchor = anchor(share.by());
        double place = 100 * (anchor.isEmpty() ? chance() : Hash.unit(Hash.of(anchor), at.salt));
        boolean in = place < percent;
        if (notes != null) {
            notes.looked(
                    model,
                    at,
                    in,
                    String.format(
                            Locale.ROOT,
                            "%s; share: %s%%%s, and by %s this call stands at %.2f",
                            at.when,
                            number(percent),
                            flag >= 0 ? " by a flag" : "",
                            anchor.isEmpty() ? "chance" : share.by().word(),
                            place));
        }
        return in;
    }

    /** What a share goes by: what a call has nothing of counts by its key. */
    private String anchor(Anchor by) {
        String text = by.of(call);
        return text.isEmpty() && by != Anchor.CALL ? call.key() : text;
    }

    private void add(Model model, @Nullable Case at) {
        if (at == null) {
            return;
        }
        List<Entry[]> ranks = at.ranks;
        for (int i = 0; i < ranks.size(); i++) {
            Entry[] rank = ranks.get(i);
            if (rank.length == 1) {
                add(rank[0], model, i + 1, "the only one of its rank");
            } else {
                addOrdered(rank, model, at, i + 1);
            }
        }
    }

    /** Adds a candidate to those that are tried, or to those that aren't. */
    private void add(Entry entry, Model model, int rank, String why) {
        Candidate candidate = entry.candidate();
        if (!seen.isEmpty() && isThere(candidate)) {
            return;
        }
        if (isPinnedElsewhere(entry, call)) {
            out.add(new Plan.Out(candidate, Plan.Cause.PINNED, "what the call names lives at " + call.pinned(), -1));
            return;
        }
        if (isOutside(entry, call)) {
            out.add(new Plan.Out(candidate, Plan.Cause.REGION, whereElse(entry), -1));
            return;
        }
        String against = entry.written().against(call);
        if (against != null) {
            out.add(new Plan.Out(candidate, Plan.Cause.ABILITY, against, -1));
            return;
        }
        if (notes != null) {
            notes.stands(candidate, model, rank, why);
        }
        String doubt = entry.known().against(call);
        if (doubt != null) {
            doubted.add(new Plan.Out(candidate, Plan.Cause.ABILITY, doubt, -1));
            return;
        }
        addUnlessItRests(candidate);
    }

    private void addUnlessItRests(Candidate candidate) {
        long rests = pulse.restsMillis(candidate);
        if (rests == 0) {
            order.add(candidate);
        } else {
            resting.add(new Plan.Out(candidate, Plan.Cause.RESTING, pulse.whyItRests(candidate), rests));
        }
    }

    private boolean isThere(Candidate candidate) {
        return order.contains(candidate)
                || isThere(candidate, out)
                || isThere(candidate, doubted)
                || isThere(candidate, resting);
    }

    private static boolean isThere(Candidate candidate, List<Plan.Out> among) {
        for (Plan.Out each : among) {
            if (each.candidate().equals(candidate)) {
                return true;
            }
        }
        return false;
    }

    private static boolean isPinnedElsewhere(Entry entry, Traits call) {
        return !call.pinned().isEmpty()
                && !call.pinned().equals(entry.candidate().provider());
    }

    private static boolean isOutside(Entry entry, Traits call) {
        if (call.regions().isEmpty()) {
            return false;
        }
        for (String region : entry.regions()) {
            if (call.regions().contains(region)) {
                return false;
            }
        }
        return true;
    }

    private String whereElse(Entry entry) {
        String bound = "the call is bound to "
                + String.join(", ", call.regions().stream().sorted().toList());
        return entry.regions().isEmpty()
                ? bound + ", and nobody says where this one is"
                : bound + ", and this one is in "
                        + String.join(", ", entry.regions().stream().sorted().toList());
    }

    /** Those that rest come last, the soonest back first; who rests for longer than the call may be tried is left out. */
    private void addResting(Duration atMost) {
        resting.sort(
                Comparator.comparingLong(each -> each.opensInMillis() < 0 ? Long.MAX_VALUE : each.opensInMillis()));
        if (order.isEmpty() && doubted.isEmpty() && resting.size() == 1) {
            order.add(resting.getFirst().candidate()); // nobody else is left, and its own no is the better one
            return;
        }
        for (Plan.Out each : resting) {
            if (each.opensInMillis() < 0 || each.opensInMillis() > atMost.toMillis()) {
                out.add(each);
            } else {
                order.add(each.candidate());
                if (notes != null) {
                    notes.butMoved(
                            each.candidate(),
                            "it rests for " + each.opensInMillis() + " ms, so it comes last: " + each.why());
                }
            }
        }
    }

    /** Adds the candidates of a rank of several, the best first. */
    private void addOrdered(Entry[] rank, Model model, Case at, int number) {
        int count = rank.length;
        double[] firstly = new double[count];
        double[] secondly = new double[count];
        String anchor = at.choose == Choose.STICKY ? at.sticky.of(call) : "";
        long hash = anchor.isEmpty() ? 0 : Hash.of(anchor);
        boolean explores = at.choose == Choose.LATENCY && random.nextInt(EXPLORES) == 0;
        for (int i = 0; i < count; i++) {
            Entry entry = rank[i];
            // Who draws the smallest of such numbers is each one as often as its weight says, and so on for the rest.
            double drawn = anchor.isEmpty() ? chance() : Hash.unit(hash, entry.salt());
            secondly[i] = entry.weight() > 0 ? -Math.log(drawn) / entry.weight() : drawn;
            firstly[i] = entry.weight() > 0 ? explores ? 0 : score(entry, model, at.choose) : Double.MAX_VALUE;
        }
        if (at.choose == Choose.LATENCY) {
            theUnknownAreLikeTheBest(firstly);
        }
        int[] sorted = sorted(firstly, secondly);
        for (int i : sorted) {
            Entry entry = rank[i];
            add(entry, model, number, notes == null ? "" : why(entry, model, at, anchor, explores));
        }
    }

    /** Stands before others if smaller; those of equal scores are put in order by their weights. */
    private double score(Entry entry, Model model, Choose choose) {
        return switch (choose) {
            case WEIGHT, STICKY -> 0;
            case LATENCY -> {
                long nanos = pulse.firstTokenNanos(entry.candidate());
                yield nanos <= 0 ? -1 : Math.rint(Math.log((double) nanos) / ALIKE);
            }
            case BUSY -> (pulse.busy(entry.candidate()) + 1) / entry.weight();
            case PRICE -> {
                long nanos = model.costs().nanos(entry.candidate().target(), call, nowMillis);
                yield nanos < 0 ? Double.MAX_VALUE / 2 : nanos;
            }
        };
    }

    /** Who was never asked has to be, but not by all calls at once. */
    private static void theUnknownAreLikeTheBest(double[] scores) {
        double best = Double.MAX_VALUE;
        for (double score : scores) {
            best = score >= 0 ? Math.min(best, score) : best;
        }
        for (int i = 0; i < scores.length; i++) {
            scores[i] = scores[i] < 0 ? best : scores[i];
        }
    }

    /** Indexes, the smallest first. Ranks are short. */
    private static int[] sorted(double[] firstly, double[] secondly) {
        int[] sorted = new int[firstly.length];
        for (int i = 0; i < sorted.length; i++) {
            int at = i;
            while (at > 0 && isBefore(firstly, secondly, i, sorted[at - 1])) {
                sorted[at] = sorted[at - 1];
                at--;
            }
            sorted[at] = i;
        }
        return sorted;
    }

    private static boolean isBefore(double[] firstly, double[] secondly, int a, int b) {
        return firstly[a] < firstly[b] || (firstly[a] == firstly[b] && secondly[a] < secondly[b]);
    }

    private String why(Entry entry, Model model, Case at, String anchor, boolean explores) {
        double whole = 0;
        for (Entry[] rank : at.ranks) {
            if (Arrays.asList(rank).contains(entry)) {
                whole = Arrays.stream(rank).mapToDouble(Entry::weight).sum();
            }
        }
        if (entry.weight() == 0) {
            return "its weight is 0, so it comes after all others of its rank";
        }
        String chance = "by chance, weight " + number(entry.weight()) + " of " + number(whole);
        return switch (at.choose) {
            case WEIGHT -> chance;
            case STICKY ->
                anchor.isEmpty()
                        ? "the call has no " + at.sticky.word() + ": " + chance
                        : "sticky by " + at.sticky.word() + ", weight " + number(entry.weight()) + " of "
                                + number(whole);
            case LATENCY -> {
                long nanos = pulse.firstTokenNanos(entry.candidate());
                yield explores
                        ? "this call tries them " + chance
                        : nanos <= 0
                                ? "nobody knows how soon its first token comes; as the quickest"
                                : "its first token comes after " + nanos / 1_000_000 + " ms";
            }
            case BUSY ->
                pulse.busy(entry.candidate()) + " attempts are under way at it, weight " + number(entry.weight());
            case PRICE -> {
                long nanos = model.costs().nanos(entry.candidate().target(), call, nowMillis);
                yield nanos < 0
                        ? "its price is not known, so it comes last"
                        : String.format(Locale.ROOT, "the call costs about $%.6f there", nanos / 1e9);
            }
        };
    }

    private double chance() {
        return Hash.unit(random.nextLong());
    }

    private static String number(double number) {
        return number == Math.rint(number) ? String.valueOf((long) number) : String.format(Locale.ROOT, "%.2f", number);
    }
}
