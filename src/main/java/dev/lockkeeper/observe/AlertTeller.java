package dev.lockkeeper.observe;

import dev.lockkeeper.http.Loops;
import dev.lockkeeper.ledger.Alerts;
import dev.lockkeeper.ledger.Alerts.State;
import dev.lockkeeper.ledger.Alerts.Told;
import java.net.URI;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells the operator of alerts: each is a line in the log, and is sent to the webhook if there is one, until it is taken or
 * {@link #GIVE_UP} has passed. What is to be told stands in the database, so it is told at least once, over restarts too. One
 * virtual thread.
 */
public final class AlertTeller implements AutoCloseable {
    /** How long after it was seen an alert is sent again and again at most. */
    static final Duration GIVE_UP = Duration.ofHours(24);

    /** How long a receiver may take to answer. */
    private static final Duration PATIENCE = Duration.ofSeconds(10);

    /** The wait after the first failure; it doubles with each. */
    private static final Duration FIRST_WAIT = Duration.ofSeconds(1);

    private static final Duration LONGEST_WAIT = Duration.ofMinutes(10);

    /** How long an alert that is being sent is left to the process that sends it. */
    private static final Duration SENDING = Duration.ofMinutes(1);

    /** How often is looked for alerts that are due. */
    private static final Duration BETWEEN_LOOKS = Duration.ofSeconds(1);

    /** How often is looked for hours that cost a multiple of the usual, and for alerts to be forgotten. */
    private static final Duration BETWEEN_SURVEYS = Duration.ofMinutes(1);

    /** Alerts that are looked at in a round. */
    private static final int AT_ONCE = 100;

    private static final Logger LOG = LoggerFactory.getLogger(AlertTeller.class);

    private final Alerts alerts;
    private final Runnable lookForSurges;
    private final Clock clock;
    private final Loops loops;
    private final Duration patience;
    private final Thread thread;

    private volatile AlertSettings settings;
    private boolean failing;

    /** What the webhook below was made by. The thread's. */
    private AlertSettings madeBy = AlertSettings.LOG_ONLY;

    private @Nullable Webhook webhook;

    /** @param patience how long a receiver may take */
    AlertTeller(
            Alerts alerts,
            Runnable lookForSurges,
            AlertSettings settings,
            Clock clock,
            Loops loops,
            Duration patience) {
        this.alerts = alerts;
        this.lookForSurges = lookForSurges;
        this.settings = settings;
        this.clock = clock;
        this.loops = loops;
        this.patience = patience;
        this.thread = Thread.ofVirtual().name("alerts").unstarted(this::run);
    }

    /**
     * Starts telling.
     *
     * @param lookForSurges called every minute; it may write alerts
     * @param loops one of them carries what is sent
     */
    public static AlertTeller start(
            Alerts alerts, Runnable lookForSurges, AlertSettings settings, Clock clock, Loops loops) {
        AlertTeller teller = new AlertTeller(alerts, lookForSurges, settings, clock, loops, PATIENCE);
        teller.thread.start();
        return teller;
    }

    /** Sends to another receiver from now on. Any thread. */
    public void follow(AlertSettings next) {
        settings = next;
    }

    private void run() {
        int round = 0;
        long perSurvey = BETWEEN_SURVEYS.dividedBy(BETWEEN_LOOKS);
        try {
            while (true) {
                Thread.sleep(BETWEEN_LOOKS);
                try {
                    if (round++ % perSurvey == 0) {
                        lookForSurges.run();
                        alerts.forgetOld(clock.millis());
                    }
                    round();
                    failing = false;
                } catch (RuntimeException | Error e) {
                    if (!failing) {
                        failing = true;
                        LOG.warn("alerts wait, since the database does not answer: {}", e.toString());
                    }
                }
            }
        } catch (InterruptedException closed) {
            Thread.currentThread().interrupt();
        } finally {
            if (webhook != null) {
                webhook.close();
            }
        }
    }

    /** Tells what is due now. */
    void round() throws InterruptedException {
        List<Told> due = alerts.due(clock.millis(), AT_ONCE);
        Webhook to = webhook();
        for (Told each : due) {
            if (each.state() == State.NEW) {
                LOG.warn("alert {}: {}", each.alert().id(), each.alert().text());
                alerts.move(each, to == null ? State.LOGGED : State.WAITING, 0, clock.millis(), "");
            }
        }
        for (Told each : due) {
            if (each.state() == State.WAITING && !send(to, each)) {
                // One receiver: what follows would fare no better now.
                return;
            }
        }
    }

    /** Sends an alert; false when it was not taken. */
    private boolean send(@Nullable Webhook to, Told told) throws InterruptedException {
        long now = clock.millis();
        if (to == null) {
            alerts.move(told, State.LOGGED, told.tries(), now, "there is no webhook any more");
            return true;
        }
        Told mine = alerts.move(told, State.WAITING, told.tries() + 1, now + SENDING.toMillis(), told.trouble());
        if (mine == null) {
            return true; // another process sends it
        }
        String trouble = to.send(mine.alert(), now);
        now = clock.millis();
        if (trouble == null) {
            alerts.move(mine, State.DELIVERED, mine.tries(), now, "");
            return true;
        }
        if (now - mine.alert().atMillis() >= GIVE_UP.toMillis()) {
            LOG.error(
                    "alert {} was not taken within {}, and is not sent again: {}",
                    mine.alert().id(),
                    GIVE_UP,
                    trouble);
            alerts.move(mine, State.GIVEN_UP, mine.tries(), now, trouble);
            return false;
        }
        if (mine.tries() == 1) {
            LOG.warn("alert {} is sent again: {}", mine.alert().id(), trouble);
        }
        alerts.move(mine, State.WAITING, mine.tries(), now + wait(mine.tries()).toMillis(), trouble);
        return false;
    }

    private static Duration wait(int tries) {
        Duration doubled = FIRST_WAIT.multipliedBy(1L << Math.min(tries - 1, 20));
        return doubled.compareTo(LONGEST_WAIT) < 0 ? doubled : LONGEST_WAIT;
    }

    /** The webhook of the settings; null for none. */
    private @Nullable Webhook webhook() {
        AlertSettings now = settings;
        if (!now.equals(madeBy)) {
            if (webhook != null) {
                webhook.close();
            }
            URI url = now.url();
            webhook = url == null ? null : new Webhook(url, now, patience, loops);
            madeBy = now;
        }
        return webhook;
    }

    /** Stops telling; what was not told is told by the next process. */
    @Override
    public void close() {
        thread.interrupt();
        try {
            boolean _ = thread.join(PATIENCE);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
