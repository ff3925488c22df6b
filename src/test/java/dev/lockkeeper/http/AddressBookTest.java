package dev.lockkeeper.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.security.Security;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** When a name is looked up, what stands in for an answer, and which address comes first. */
class AddressBookTest {
    private static final InetAddress A = address("192.0.2.1");
    private static final InetAddress B = address("192.0.2.2");
    private static final InetAddress C = address("192.0.2.3");
    private static final InetAddress SIX = address("2001:db8::6");

    private final AtomicLong now = new AtomicLong(Long.MAX_VALUE - 7); // clocks may start anywhere
    private final AtomicInteger lookups = new AtomicInteger();
    private volatile List<InetAddress> answer = List.of(A);
    private volatile boolean broken;

    private final AddressBook book = new AddressBook(
            "test",
            "upstream.test",
            host -> {
                lookups.incrementAndGet();
                if (broken) {
                    throw new UnknownHostException(host);
                }
                return answer.toArray(new InetAddress[0]);
            },
            now::get);

    private static InetAddress address(String text) {
        return InetAddress.ofLiteral(text);
    }

    private List<InetAddress> get() throws Exception {
        return book.addresses().toCompletableFuture().get(5, TimeUnit.SECONDS);
    }

    private void pass(Duration time) {
        now.addAndGet(time.toNanos());
    }

    /** Time passes and a lookup is done. */
    private void refreshAfter(Duration time) {
        pass(time);
        int before = lookups.get();
        long failed = book.failedLookups();
        int version = book.version();
        book.refresh();
        await().until(() -> lookups.get() > before);
        if (broken) {
            await().until(() -> book.failedLookups() > failed);
        } else {
            await().until(() -> book.version() != version || get().equals(answer));
        }
    }

    @Test
    void aNameIsLookedUpAgainAfterFiveSeconds() throws Exception {
        assertThat(get()).containsExactly(A);
        answer = List.of(B);
        pass(Duration.ofMillis(4_900));
        assertThat(get()).containsExactly(A);
        book.refresh();
        assertThat(lookups).hasValue(1);
        pass(Duration.ofMillis(200));
        book.refresh();
        await().until(() -> get().equals(List.of(B)));
        assertThat(lookups).hasValue(2);
    }

    @Test
    void anAnswerFromBeforeAPauseIsNotUsedWhenANewOneCanBeHad() throws Exception {
        get();
        answer = List.of(B);
        pass(Duration.ofMinutes(30));
        assertThat(get()).containsExactly(B);
    }

    @Test
    void whatIsKnownIsUsedWhileLookupsFailButNotForEver() throws Exception {
        get();
        broken = true;
        for (int i = 0; i < 5; i++) {
            pass(Duration.ofMinutes(11));
            assertThat(get()).containsExactly(A);
        }
        assertThat(book.failedLookups()).isEqualTo(5);
        pass(Duration.ofMinutes(10));
        assertThatThrownBy(this::get)
                .isInstanceOf(ExecutionException.class)
                .cause()
                .isInstanceOf(UnknownHostException.class);
        broken = false;
        pass(Duration.ofSeconds(2));
        assertThat(get()).containsExactly(A);
    }

    @Test
    void aLookupThatHangsHoldsNobodyUpWhereSomethingIsKnown() throws Exception {
        CountDownLatch go = new CountDownLatch(1);
        AtomicInteger asked = new AtomicInteger();
        AddressBook hanging = new AddressBook(
                "test",
                "upstream.test",
                host -> {
                    if (asked.incrementAndGet() > 1) {
                        try {
                            go.await();
                        } catch (InterruptedException e) {
                            Thread.currentThread().interrupt();
                        }
                        return new InetAddress[] {B};
                    }
                    return new InetAddress[] {A};
                },
                now::get);
        assertThat(hanging.addresses().toCompletableFuture().get(5, TimeUnit.SECONDS))
                .containsExactly(A);
        pass(Duration.ofMinutes(1));
        long start = System.nanoTime();
        for (int i = 0; i < 3; i++) {
            assertThat(hanging.addresses().toCompletableFuture().get(5, TimeUnit.SECONDS))
                    .containsExactly(A);
        }
        assertThat(TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start)).isLessThan(4_000);
        assertThat(asked).as("one lookup at a time").hasValue(2);
        go.countDown();
        await().until(() -> hanging.addresses().toCompletableFuture().join().equals(List.of(B)));
    }

    @Test
    void aNameThatFailsIsNotAskedForByEveryCall() throws Exception {
        broken = true;
        for (int i = 0; i < 20; i++) {
            assertThatThrownBy(this::get).isInstanceOf(ExecutionException.class);
        }
        assertThat(lookups).hasValue(1);
        pass(Duration.ofMillis(1_100));
        assertThatThrownBy(this::get).isInstanceOf(ExecutionException.class);
        assertThat(lookups).hasValue(2);
    }

    @Test
    void aLiteralIsNeverLookedUp() throws Exception {
        for (String literal : List.of("192.0.2.1", "2001:db8::6", "[2001:db8::6]")) {
            AddressBook direct = new AddressBook(
                    "test",
                    literal,
                    host -> {
                        throw new IllegalStateException("looked up " + host);
                    },
                    now::get);
            pass(Duration.ofHours(3));
            direct.refresh();
            List<InetAddress> found = direct.addresses().toCompletableFuture().get(5, TimeUnit.SECONDS);
            assertThat(found).containsExactly(literal.contains(":") ? SIX : A);
            direct.dead(found.getFirst());
            assertThat(direct.inTurn(found)).isEqualTo(found);
            assertThat(direct.gone(found.getFirst())).isFalse();
        }
    }

    @Test
    void addressesAreFirstInTurn() throws Exception {
        answer = List.of(A, B, C);
        List<InetAddress> found = get();
        Map<InetAddress, Integer> firsts = new HashMap<>();
        for (int i = 0; i < 30; i++) {
            List<InetAddress> order = book.inTurn(found);
            assertThat(order).containsExactlyInAnyOrder(A, B, C);
            firsts.merge(order.getFirst(), 1, Integer::sum);
        }
        assertThat(firsts).containsOnly(Map.entry(A, 10), Map.entry(B, 10), Map.entry(C, 10));
    }

    @Test
    void theOtherKindOfAddressIsTheSecondChoice() throws Exception {
        answer = List.of(SIX, A, B);
        List<InetAddress> found = get();
        for (int i = 0; i < 4; i++) {
            assertThat(book.inTurn(found).getFirst()).isEqualTo(SIX);
        }
        answer = List.of(A, B, SIX);
        found = answer;
        for (int i = 0; i < 4; i++) {
            assertThat(book.inTurn(found).get(1)).isEqualTo(SIX);
        }
    }

    @Test
    void aDeadAddressComesLastForAWhileAndLongerEachTime() throws Exception {
        answer = List.of(A, B);
        List<InetAddress> found = get();
        book.dead(A);
        for (int i = 0; i < 4; i++) {
            assertThat(book.inTurn(found)).containsExactly(B, A);
        }
        pass(Duration.ofSeconds(11));
        assertThat(Arrays.asList(
                        book.inTurn(found).getFirst(), book.inTurn(found).getFirst()))
                .contains(A);
        book.dead(A);
        pass(Duration.ofSeconds(11));
        assertThat(book.inTurn(found)).containsExactly(B, A);
        for (int i = 0; i < 40; i++) {
            book.dead(A);
        }
        pass(Duration.ofMinutes(6));
        assertThat(Arrays.asList(
                        book.inTurn(found).getFirst(), book.inTurn(found).getFirst()))
                .contains(A);
        book.dead(A);
        book.alive(A);
        assertThat(Arrays.asList(
                        book.inTurn(found).getFirst(), book.inTurn(found).getFirst()))
                .contains(A);
    }

    @Test
    void whereAllAreDeadAllAreTried() throws Exception {
        answer = List.of(A, B);
        List<InetAddress> found = get();
        book.dead(A);
        book.dead(B);
        assertThat(book.inTurn(found)).containsExactlyInAnyOrder(A, B);
    }

    @Test
    void anAddressIsGoneAMinuteAfterItWasLastTold() throws Exception {
        answer = List.of(A, B);
        get();
        answer = List.of(B);
        for (int i = 0; i < 11; i++) {
            refreshAfter(Duration.ofMillis(5_100));
            assertThat(book.gone(A)).isFalse();
        }
        refreshAfter(Duration.ofMillis(5_100));
        assertThat(book.gone(A)).isTrue();
        assertThat(book.gone(B)).isFalse();
        answer = List.of(A);
        refreshAfter(Duration.ofMillis(5_100));
        assertThat(book.gone(A)).isFalse();
    }

    @Test
    void nothingGoesWhileLookupsFail() throws Exception {
        answer = List.of(A, B);
        get();
        broken = true;
        for (int i = 0; i < 5; i++) {
            refreshAfter(Duration.ofMinutes(2));
            assertThat(book.gone(A)).isFalse();
        }
    }

    @Test
    void whatIsRememberedOfAnswersThatAlwaysChangeIsBounded() throws Exception {
        Random random = new Random(5);
        for (int i = 0; i < 2_000; i++) {
            byte[] bytes = new byte[16];
            random.nextBytes(bytes);
            bytes[0] = 0x20;
            answer = List.of(InetAddress.getByAddress(bytes));
            pass(Duration.ofMillis(10_001));
            assertThat(get()).isEqualTo(answer);
        }
        assertThat(book.remembered()).isLessThanOrEqualTo(20);
    }

    @Test
    void theJdkKeepsNoAnswersBehindThis() {
        Loops.start(1, new Random(1)).close();
        assertThat(Security.getProperty("networkaddress.cache.ttl")).isEqualTo("0");
        assertThat(Security.getProperty("networkaddress.cache.negative.ttl")).isEqualTo("0");
    }
}
