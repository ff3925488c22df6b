package dev.lockkeeper.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Loops are threads of their own, with one coarse tick each. */
class EventLoopTest {
    private final Loops loops = Loops.start(3, new Random(1));
    private final Loop loop = loops.all().getFirst();

    @AfterEach
    void stop() {
        loops.close();
    }

    private void onLoop(Runnable task) throws Exception {
        CompletableFuture<Boolean> done = new CompletableFuture<>();
        loop.run(() -> {
            task.run();
            done.complete(true);
        });
        assertThat(done.get(5, TimeUnit.SECONDS)).isTrue();
    }

    @Test
    void eachLoopIsAThreadOfItsOwn() {
        Set<Thread> threads = ConcurrentHashMap.newKeySet();
        List<Boolean> here = new ArrayList<>();
        for (Loop each : loops.all()) {
            each.run(() -> {
                threads.add(Thread.currentThread());
                synchronized (here) {
                    here.add(each.here());
                }
            });
            assertThat(each.here()).isFalse();
        }
        await().until(() -> threads.size() == 3);
        assertThat(loops.all().stream().map(Loop::index)).containsExactly(0, 1, 2);
        assertThat(here).containsOnly(true);
    }

    @Test
    void aTaskOnItsOwnLoopRunsAtOnce() throws Exception {
        List<String> order = new ArrayList<>();
        onLoop(() -> {
            loop.run(() -> order.add("inner"));
            order.add("outer");
        });
        assertThat(order).containsExactly("inner", "outer");
    }

    @Test
    void ticksComeUntilTheirSubscriptionIsClosed() throws Exception {
        AtomicInteger ticks = new AtomicInteger();
        Loop.Subscription[] subscription = new Loop.Subscription[1];
        onLoop(() -> subscription[0] = loop.everyTick(now -> ticks.incrementAndGet()));
        await().untilAtomic(ticks, org.hamcrest.Matchers.greaterThan(3));
        onLoop(() -> {
            subscription[0].close();
            subscription[0].close();
        });
        int last = ticks.get();
        await().during(Duration.ofMillis(100)).until(() -> ticks.get() == last);
    }

    @Test
    void subscriptionsMayComeAndGoDuringATickAndNoneMissesARound() throws Exception {
        Random random = new Random(3);
        List<Loop.Subscription> open = new ArrayList<>();
        Set<Long> rounds = ConcurrentHashMap.newKeySet();
        Set<Long> steady = ConcurrentHashMap.newKeySet();
        onLoop(() -> {
            loop.everyTick(steady::add);
            for (int i = 0; i < 50; i++) {
                open.add(loop.everyTick(now -> {
                    if (!open.isEmpty()) {
                        open.remove(random.nextInt(open.size())).close();
                    }
                    loop.everyTick(later -> {}).close();
                }));
            }
            loop.everyTick(rounds::add);
        });
        await().until(() -> rounds.size() > 10);
        CompletableFuture<Boolean> met = new CompletableFuture<>();
        loop.run(() -> met.complete(open.isEmpty() && steady.equals(rounds)));
        assertThat(met.get(5, TimeUnit.SECONDS)).isTrue();
    }

    @Test
    void aTickThatThrowsDoesNotStopTheOthers() throws Exception {
        AtomicInteger ticks = new AtomicInteger();
        onLoop(() -> {
            loop.everyTick(now -> ticks.incrementAndGet());
            loop.everyTick(now -> {
                throw new IllegalStateException("on purpose");
            });
            loop.everyTick(now -> ticks.incrementAndGet());
        });
        await().until(() -> ticks.get() > 5);
    }

    @Test
    void aDelayedTaskRunsOnceUnlessItWasClosed() throws Exception {
        AtomicInteger ran = new AtomicInteger();
        onLoop(() -> {
            loop.after(30, ran::incrementAndGet);
            loop.after(30, ran::incrementAndGet).close();
        });
        await().during(Duration.ofMillis(100)).until(() -> ran.get() <= 1);
        assertThat(ran).hasValue(1);
    }

    @Test
    void aHeadersValueWithALineBreakIsRefused() {
        assertThatThrownBy(() -> Headers.empty().set("a", "b\r\nc: d")).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> Headers.empty().add("a", "b\nc")).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> Headers.empty().set("a b\r\n", "c")).isInstanceOf(IllegalArgumentException.class);
    }
}
