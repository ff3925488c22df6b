package dev.lockkeeper.relay;

import dev.lockkeeper.dialect.openai.Errors;
import dev.lockkeeper.http.Fault;
import dev.lockkeeper.http.Loop;
import dev.lockkeeper.ledger.Awaited;
import dev.lockkeeper.ledger.Bill;
import dev.lockkeeper.ledger.Hold;
import dev.lockkeeper.ledger.Pending;
import dev.lockkeeper.prices.Price;
import dev.lockkeeper.relay.Call.Learnt;
import dev.lockkeeper.units.Bytes;
import dev.lockkeeper.units.Money;
import dev.lockkeeper.units.Usage;
import dev.lockkeeper.upstream.Provider;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What providers work on after they have answered, and bill when it is done: responses in the background and batches. The
 * money that is set aside for it stays so until the provider tells what was used. It is asked at times that grow apart,
 * and whenever a client has just seen the end. What can't be learnt is booked at what is held for it.
 *
 * <p>Each thing belongs to the loop of its holds and is looked at on its thread. The rest may be called from any thread.
 */
public final class Later implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Later.class);

    /** Things that one loop asks for at once. */
    private static final int AT_ONCE = 8;

    /** When one that found no room among these looks again. */
    private static final long CROWDED_MILLIS = 250;

    /** Looks that find nothing there in a row: then it is gone. A provider may take a while before what it made can be read. */
    private static final int MISSED = 4;

    /** Doublings of the time between two looks, at most. */
    private static final int DOUBLINGS = 20;

    private final Relay relay;
    private final Map<Name, Thing> things = new ConcurrentHashMap<>();

    /** Looks under way, by loop. Each number is used on its loop only. */
    private final Map<Integer, AtomicInteger> looking = new ConcurrentHashMap<>();

    private final LongAdder known = new LongAdder();
    private final LongAdder guessed = new LongAdder();
    private volatile boolean closed;

    Later(Relay relay) {
        this.relay = relay;
    }

    /** Loops that something was waited for on. */
    private final AtomicInteger loops = new AtomicInteger();

    /** What something is called where it is, and by the loop that waits for it. */
    record Name(String provider, String id, int loop) {}

    /** Whether a status is one that nothing follows. */
    static boolean over(String status) {
        return switch (status) {
            case "completed", "incomplete", "failed", "cancelled", "expired" -> true;
            default -> false;
        };
    }

    /**
     * Goes on with what the last process left.
     *
     * @param holds those that wait for something
     * @param loops by index
     */
    public void begin(List<Hold> holds, List<Loop> loops) {
        for (Loop loop : loops) {
            // In one step: a batch of several models is not looked at before all of its holds are there.
            List<Hold> here =
                    holds.stream().filter(each -> each.loop() == loop.index()).toList();
            if (!here.isEmpty()) {
                loop.run(() -> here.forEach(each -> add(loop, each)));
            }
        }
    }

    /** Whether so much is waited for that no more can be. */
    boolean full() {
        return things.size() >= settings().most();
    }

    private LaterSettings settings() {
        return relay.rules().settings().later();
    }

    /** Waits for what a hold waits for. On the hold's loop. */
    void add(Loop loop, Hold hold) {
        Pending pending = Objects.requireNonNull(hold.pending(), "the hold waits for nothing");
        Name name = new Name(pending.provider(), pending.awaited().id(), loop.index());
        loops.accumulateAndGet(loop.index() + 1, Math::max);
        Thing thing = things.computeIfAbsent(name, _ -> new Thing(name, loop, pending));
        thing.holds.add(hold);
        if (thing.holds.size() == 1) {
            thing.again(settings().first().toMillis());
        }
    }

    /**
     * A client has read something at a provider: where it is waited for and done, so is the wait.
     *
     * @param learnt what the answer told
     */
    void seen(String provider, String id, Learnt learnt) {
        if (things.isEmpty() || !over(learnt.finish())) {
            return;
        }
        for (int i = 0; i < loops.get(); i++) {
            Thing thing = things.get(new Name(provider, id, i));
            if (thing != null) {
                seen(thing, learnt);
            }
        }
    }

    private static void seen(Thing thing, Learnt learnt) {
        thing.loop.run(() -> {
            Usage usage = learnt.usage();
            if (thing.kind == Awaited.Kind.RESPONSE && usage != null) {
                thing.answered(learnt.finish(), usage, 0);
            } else {
                thing.look();
            }
        });
    }

    /** How many are waited for. */
    public int count() {
        return things.size();
    }

    /** What is set aside for them, in nano-dollars. */
    public long heldNanos() {
        return pending().stream().mapToLong(Pending::heldNanos).sum();
    }

    /** How long the oldest is waited for, in milliseconds; 0 where there is none. */
    public long oldestMillis() {
        long now = relay.clock().millis();
        return things.values().stream()
                .mapToLong(each -> Math.max(0, now - each.sinceMillis))
                .max()
                .orElse(0);
    }

    /** How many were booked at what their provider told. */
    public long known() {
        return known.sum();
    }

    /** How many were booked at what was held for them, since what they cost could not be learnt. */
    public long guessed() {
        return guessed.sum();
    }

    /** What is waited for; of a batch of several models one for each. */
    public List<Pending> pending() {
        List<Pending> all = new ArrayList<>();
        things.values().forEach(each -> all.addAll(each.pending()));
        return all;
    }

    /** Looks no more. What is waited for stays in the books, for the next process. */
    @Override
    public void close() {
        closed = true;
    }

    /** Something that is waited for. On its loop only, but for what is final. */
    final class Thing {
        final Name name;
        final Loop loop;
        final Awaited.Kind kind;
        final long sinceMillis;
        final long untilMillis;

        /** One for each model. Written on the loop. */
        private final List<Hold> holds = new CopyOnWriteArrayList<>();

        private Loop.@Nullable Subscription next;
        private int looks;
        private int missed;
        private boolean looking;
        private boolean done;
        private String trouble = "";

        Thing(Name name, Loop loop, Pending pending) {
            this.name = name;
            this.loop = loop;
            this.kind = pending.awaited().kind();
            this.sinceMillis = pending.sinceMillis();
            this.untilMillis = pending.awaited().untilMillis();
        }

        List<Pending> pending() {
            return holds.stream().map(Hold::pending).filter(Objects::nonNull).toList();
        }

        String id() {
            return name.id();
        }

        String what() {
            return (kind == Awaited.Kind.BATCH ? "batch " : "response ") + name.id() + " at provider '"
                    + name.provider() + "'";
        }

        Relay relay() {
            return relay;
        }

        void again(long millis) {
            if (next != null) {
                next.close();
            }
            next = loop.after(Math.max(1, millis), this::look);
        }

        /** Asks the provider, unless that is under way. */
        void look() {
            if (done || looking || closed) {
                return;
            }
            guarded(this::begin);
        }

        private void begin() {
            if (relay.clock().millis() > untilMillis) {
                guess("it was not done in time" + (trouble.isEmpty() ? "" : "; " + trouble));
                return;
            }
            Provider provider = relay.rules().providers().get(name.provider());
            if (provider == null) {
                failed("the configuration has no such provider");
                return;
            }
            AtomicInteger busy = Later.this.looking.computeIfAbsent(loop.index(), _ -> new AtomicInteger());
            if (busy.get() >= AT_ONCE) {
                again(CROWDED_MILLIS);
                return;
            }
            busy.incrementAndGet();
            looking = true;
            looks++;
            switch (kind) {
                case RESPONSE -> new ResponseLook(this, provider).begin();
                case BATCH -> new BatchLook(this, provider).begin();
            }
        }

        /** Does a step of a look; one that fails ends the look, and not the wait. */
        void guarded(Runnable step) {
            try {
                step.run();
            } catch (RuntimeException | Error bug) {
                LOG.error("{} could not be looked at", what(), bug);
                failed("of a mistake of the gateway's own");
            }
        }

        private void looked() {
            if (looking) {
                looking = false;
                AtomicInteger busy = Later.this.looking.get(loop.index());
                if (busy != null) {
                    busy.decrementAndGet();
                }
            }
        }

        /** Whether an answer to a look may be read; what one that may not says of the look is noted. */
        boolean readable(int status, Bytes body) {
            if (status == 200) {
                return true;
            }
            // A proxy's page is not the provider's word.
            if (status == 404 && Errors.isEnvelope(body)) {
                missing();
            } else {
                failed("HTTP " + status);
            }
            return false;
        }

        // ---- what a look has found: one of these ----

        /** It is under way still. */
        void unfinished() {
            looked();
            missed = 0;
            if (!trouble.isEmpty()) {
                LOG.info("{} can be asked for again", what());
                trouble = "";
            }
            schedule();
        }

        /** It could not be reached. */
        void unreached(Fault fault) {
            failed(fault.kind() + ", " + fault.detail());
        }

        /** It could not be asked. */
        void failed(String why) {
            looked();
            if (trouble.isEmpty() && !done) {
                LOG.warn("{} can't be asked for: {}. It is tried again, and its money stays set aside.", what(), why);
            }
            trouble = why;
            schedule();
        }

        /** It is not there. */
        void missing() {
            looked();
            missed++;
            if (missed >= MISSED) {
                guess("its provider does not know it any more");
            } else {
                schedule();
            }
        }

        /**
         * A response is done.
         *
         * @param usage what its provider tells, null for nothing
         * @param textBytes bytes of its text
         */
        void answered(String status, @Nullable Usage usage, long textBytes) {
            looked();
            if (done) {
                return;
            }
            end(hold -> {
                Pending pending = Objects.requireNonNull(hold.pending());
                Usage used = usage != null ? usage : unseen(pending.awaited(), textBytes);
                return bill(pending, used, status);
            });
            if (usage == null) {
                guessed.increment();
                LOG.warn(
                        "{} has ended as {} without telling its usage: it is booked by this gateway's own count",
                        what(),
                        status);
            } else {
                known.increment();
            }
        }

        /**
         * A batch is done.
         *
         * @param told whether its provider has told all of its usage
         * @param bill what each of its holds has come to
         */
        void done(boolean told, String status, Function<Pending, Bill> bill) {
            looked();
            if (done) {
                return;
            }
            end(hold -> bill.apply(Objects.requireNonNull(hold.pending())));
            if (told) {
                known.increment();
            } else {
                guessed.increment();
                LOG.warn(
                        "{} has ended as {} without telling all of its usage: the rest is an estimate", what(), status);
            }
        }

        /** What it cost can't be learnt: it is booked at what is held for it. */
        void guess(String why) {
            looked();
            if (done) {
                return;
            }
            long held = pending().stream().mapToLong(Pending::heldNanos).sum();
            end(hold -> {
                Pending pending = Objects.requireNonNull(hold.pending());
                Awaited awaited = pending.awaited();
                return new Bill(
                        pending.heldNanos(),
                        Usage.estimate(awaited.input(), awaited.output()).withTier(awaited.tier()),
                        true,
                        awaited.endpoint(),
                        0,
                        "unknown",
                        pending.sinceMillis(),
                        relay.clock().millis() - pending.sinceMillis());
            });
            guessed.increment();
            LOG.warn(
                    "what {} has cost can't be learnt, since {}: {} are booked, as much as was held for it, as an estimate",
                    what(),
                    why,
                    new Money(held));
        }

        private void schedule() {
            if (done) {
                return;
            }
            LaterSettings settings = settings();
            long gap = settings.first().toMillis() << Math.min(looks, DOUBLINGS);
            long most = Math.min(gap, settings.longest().toMillis());
            // So that what began together is not asked for together, by a fifth more or less.
            long odd = Math.floorMod(31L * name.hashCode() + looks, 401) - 200L;
            again(most + most * odd / 1_000);
        }

        private void end(Function<Hold, Bill> bill) {
            if (done) {
                return;
            }
            done = true;
            if (next != null) {
                next.close();
            }
            try {
                for (Hold each : holds) {
                    each.settle(bill.apply(each));
                }
            } finally {
                things.remove(name, this);
            }
        }

        private Usage unseen(Awaited awaited, long textBytes) {
            long seconds = Math.max(0, relay.clock().millis() - sinceMillis) / 1_000;
            long output = Math.max(
                    Math.min(awaited.output(), seconds * Meter.UNSEEN_PER_SECOND),
                    Math.ceilDiv(textBytes, (long) Meter.BYTES_PER_TOKEN));
            return Usage.estimate(awaited.input(), output);
        }

        /** What usage costs, at the prices of when it was begun; what has no price any more costs what is held for it. */
        Bill bill(Pending pending, Usage told, String outcome) {
            Awaited awaited = pending.awaited();
            Usage usage = told.tier().isEmpty() ? told.withTier(awaited.tier()) : told;
            Price price = relay.rules().prices().find(name.provider(), pending.upstreamModel(), pending.sinceMillis());
            return new Bill(
                    price == null ? pending.heldNanos() : price.cost(usage),
                    usage,
                    usage.estimated() || price == null,
                    awaited.endpoint(),
                    200,
                    outcome,
                    pending.sinceMillis(),
                    relay.clock().millis() - pending.sinceMillis());
        }
    }
}
