package dev.lockkeeper.routing;

import java.util.random.RandomGenerator;

/** Chooses who is asked for a call. Any thread; never blocks, asks nobody but what is in memory. */
public final class Router {
    private final Pulse pulse;
    private final Flags flags;
    private final RandomGenerator random;

    /**
     * @param pulse how candidates are doing
     * @param flags shares that were changed while the gateway runs
     * @param random any thread may use it
     */
    public Router(Pulse pulse, Flags flags, RandomGenerator random) {
        this.pulse = pulse;
        this.flags = flags;
        this.random = random;
    }

    /** Which candidates of a model can serve a call, in the order in which they are to be tried. */
    public Plan plan(Model model, Traits call, long nowMillis) {
        Plan plain = Choice.plain(model, call, pulse);
        return plain != null ? plain : new Choice(pulse, flags, random, call, nowMillis, null).plan(model);
    }

    /** The same decision, and why: what {@link #plan} would say now, but for what chance has a part in. */
    public Explanation explain(Model model, Traits call, long nowMillis) {
        Notes notes = new Notes();
        return notes.of(new Choice(pulse, flags, random, call, nowMillis, notes).plan(model));
    }
}
