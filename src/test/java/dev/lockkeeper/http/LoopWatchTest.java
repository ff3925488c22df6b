package dev.lockkeeper.http;

import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.AppenderBase;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

/** What is said of a loop that does one thing for too long. */
class LoopWatchTest {
    private final List<ILoggingEvent> told = new CopyOnWriteArrayList<>();
    private final AppenderBase<ILoggingEvent> listening = new AppenderBase<>() {
        @Override
        protected void append(ILoggingEvent event) {
            if (event.getFormattedMessage().startsWith("Event loop 1 ")) {
                told.add(event); // another one may wait for a core on a busy machine
            }
        }
    };
    private final Logger logger = (Logger) LoggerFactory.getLogger(LoopWatch.class);

    @BeforeEach
    void listen() {
        listening.start();
        logger.addAppender(listening);
    }

    @AfterEach
    void forget() {
        logger.detachAppender(listening);
    }

    @Test
    void aLoopThatIsHeldUpIsToldOnceWithThePlaceWhereItIsAndTheOthersAreNot() {
        try (Loops loops = Loops.start(2, new SplittableRandom(1))) {
            CountDownLatch go = new CountDownLatch(1);
            Loop victim = loops.all().get(1);
            awaitTicks(loops);
            victim.run(() -> dawdle(go));

            await().atMost(20, SECONDS).until(() -> !told.isEmpty());
            // Held up further: the same time, which is not told again.
            await().pollDelay(3 * LoopWatch.BLOCKED_MILLIS, MILLISECONDS).until(() -> true);
            go.countDown();

            assertThat(told).hasSize(1);
            ILoggingEvent event = told.getFirst();
            assertThat(event.getFormattedMessage()).startsWith("Event loop 1 has been held up for ");
            assertThat(event.getThrowableProxy().getStackTraceElementProxyArray())
                    .anyMatch(frame ->
                            frame.getStackTraceElement().getMethodName().equals("dawdle"));
            long times = loops.timesHeldUp();
            assertThat(times).isPositive();

            // A second time is counted, but so soon after the first one not told.
            CountDownLatch goAgain = new CountDownLatch(1);
            awaitTicks(loops);
            victim.run(() -> dawdle(goAgain));
            await().atMost(20, SECONDS).until(() -> loops.timesHeldUp() > times);
            goAgain.countDown();
            assertThat(told).hasSize(1);
        }
    }

    @Test
    void anErrorInATickLeavesTheOtherTicksGoing() {
        try (Loops loops = Loops.start(1, new SplittableRandom(1))) {
            CountDownLatch ticks = new CountDownLatch(5);
            Loop loop = loops.all().getFirst();
            loop.run(() -> {
                loop.everyTick(now -> {
                    throw new OutOfMemoryError("as if");
                });
                loop.everyTick(now -> ticks.countDown());
            });
            await().atMost(10, SECONDS).until(() -> ticks.getCount() == 0);
        }
    }

    /** Until each loop has surely begun to tick. */
    private static void awaitTicks(Loops loops) {
        for (Loop each : loops.all()) {
            CountDownLatch two = new CountDownLatch(2);
            each.run(() -> each.everyTick(now -> two.countDown()));
            await().atMost(10, SECONDS).until(() -> two.getCount() == 0);
        }
    }

    private static void dawdle(CountDownLatch until) {
        try {
            until.await(30, SECONDS);
        } catch (InterruptedException stopped) {
            Thread.currentThread().interrupt();
        }
    }
}
