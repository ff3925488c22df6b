package dev.lockkeeper.testing;

import dev.lockkeeper.routing.Abilities;
import dev.lockkeeper.routing.Anchor;
import dev.lockkeeper.routing.Choose;
import dev.lockkeeper.routing.Condition;
import dev.lockkeeper.routing.HealthSettings;
import dev.lockkeeper.routing.ModelSettings;
import dev.lockkeeper.routing.ModelSettings.CaseSettings;
import dev.lockkeeper.routing.ModelSettings.Profile;
import dev.lockkeeper.routing.ModelSettings.RankedTarget;
import dev.lockkeeper.routing.ModelSettings.TargetSettings;
import dev.lockkeeper.routing.Policy;
import dev.lockkeeper.routing.Standing;
import dev.lockkeeper.testing.ScriptedUpstream.Conversation;
import dev.lockkeeper.testing.ScriptedUpstream.Request;
import java.io.IOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Calls at a steady rate while each of three providers dies and comes back at random, never all of them at once. Every second
 * call is a stream; each has a number, and the one right answer to it is known.
 */
public final class OutageTrial {
    private static final int PROVIDERS = 3;
    private static final Duration DEADLINE = Duration.ofSeconds(20);
    private static final Pattern NUMBER = Pattern.compile("call (\\d+)");
    private static final Pattern CONTENT = Pattern.compile("\"content\":\"([^\"]*)\"");
    private static final int PIECES = 6;

    /** How a provider is. */
    private enum State {
        WELL,
        /** It answers 503. */
        REFUSING,
        /** It breaks connections off before it answers, and in the middle of answers. */
        BREAKING,
        /** It takes requests and says nothing. */
        SILENT
    }

    private static final List<State> ILL = List.of(State.REFUSING, State.BREAKING, State.SILENT);

    private final int calls;
    private final int rate;
    private final long seed;
    private final State[] states = new State[PROVIDERS];
    private final AtomicInteger attempts = new AtomicInteger();
    private final AtomicInteger retries = new AtomicInteger();
    private final Set<Long> seen = ConcurrentHashMap.newKeySet();
    private final Map<String, AtomicInteger> wrong = new ConcurrentHashMap<>();
    private final ConcurrentLinkedQueue<Long> nanos = new ConcurrentLinkedQueue<>();
    private final HttpClient http =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    /**
     * @param calls how many
     * @param rate calls a second
     * @param seed of the outages
     */
    public OutageTrial(int calls, int rate, long seed) {
        this.calls = calls;
        this.rate = rate;
        this.seed = seed;
        Arrays.fill(states, State.WELL);
    }

    /**
     * What came of it.
     *
     * @param calls that were made
     * @param whole those that got the one right answer, whole and once
     * @param wrong what the others got, and how often
     * @param attempts requests that came to providers
     * @param retries of those, requests of calls that had come to the same provider before
     * @param outages how often a provider died
     * @param p50Millis of the calls
     * @param p99Millis of the calls
     * @param longestMillis of the calls
     * @param slowestRecoveryMillis from the return of a provider till its breaker was closed, the longest
     */
    public record Result(
            int calls,
            int whole,
            Map<String, Integer> wrong,
            int attempts,
            int retries,
            int outages,
            long p50Millis,
            long p99Millis,
            long longestMillis,
            long slowestRecoveryMillis) {}

    /** Runs it. */
    public Result run() throws Exception {
        List<ScriptedUpstream> upstreams = new ArrayList<>();
        Gateway.Plan plan = Gateway.plan();
        List<RankedTarget> targets = new ArrayList<>();
        try {
            for (int i = 0; i < PROVIDERS; i++) {
                int me = i;
                ScriptedUpstream upstream =
                        ScriptedUpstream.answering((request, conversation) -> answer(me, request, conversation));
                upstreams.add(upstream);
                plan.provider("p" + i, upstream.port(), 2_000).health("p" + i, HealthSettings.DEFAULT);
                targets.add(new RankedTarget(new TargetSettings("p" + i, "m" + i), 1, Abilities.UNSAID));
            }
            Policy policy = new Policy(
                    3,
                    Duration.ofMillis(200),
                    Duration.ofSeconds(5),
                    DEADLINE,
                    false,
                    DEADLINE,
                    Duration.ofSeconds(1),
                    false,
                    null,
                    Policy.BrokenStream.RESCUE,
                    false);
            CaseSettings only = new CaseSettings(
                    "", Condition.ALWAYS, null, List.of(targets), Choose.WEIGHT, Anchor.PROMPT_CACHE_KEY);
            ModelSettings model =
                    new ModelSettings("gpt", List.of(only), List.of(), Profile.AUTO, 1_000_000, 128_000, policy);
            try (Gateway gateway = plan.model(model)
                    .timeouts(Duration.ofSeconds(2), Duration.ofSeconds(2), DEADLINE)
                    .start()) {
                return against(gateway);
            }
        } finally {
            upstreams.forEach(ScriptedUpstream::close);
        }
    }

    private Result against(Gateway gateway) throws InterruptedException {
        Outages outages = new Outages(gateway);
        Thread dying = Thread.ofVirtual().start(outages);
        CountDownLatch ended = new CountDownLatch(calls);
        AtomicInteger whole = new AtomicInteger();
        long began = System.nanoTime();
        for (int i = 0; i < calls; i++) {
            LockSupport.parkNanos(began + i * 1_000_000_000L / rate - System.nanoTime());
            int number = i;
            Thread.ofVirtual().start(() -> {
                try {
                    if (call(gateway, number)) {
                        whole.incrementAndGet();
                    }
                } finally {
                    ended.countDown();
                }
            });
        }
        boolean all = ended.await(2 * DEADLINE.toSeconds(), TimeUnit.SECONDS);
        if (!all) {
            count("not ended: " + ended.getCount());
        }
        outages.over = true;
        dying.join();
        long[] sorted = nanos.stream().mapToLong(Long::longValue).sorted().toArray();
        Map<String, Integer> told = new TreeMap<>();
        wrong.forEach((what, times) -> told.put(what, times.get()));
        return new Result(
                calls,
                whole.get(),
                told,
                attempts.get(),
                retries.get(),
                outages.count,
                at(sorted, 50),
                at(sorted, 99),
                at(sorted, 100),
                outages.slowestMillis);
    }

    private static long at(long[] sorted, int percent) {
        return sorted.length == 0
                ? -1
                : sorted[Math.max(0, Math.ceilDiv(sorted.length * percent, 100) - 1)] / 1_000_000;
    }

    /** Lets providers die and come back, one well at any time, and looks how long breakers take to close. */
    private final class Outages implements Runnable {
        private final SplittableRandom chance = new SplittableRandom(seed);
        private final Gateway gateway;
        private final long[] until = new long[PROVIDERS];
        private final long[] back = new long[PROVIDERS];
        private int count;
        private long slowestMillis;
        private volatile boolean over;

        Outages(Gateway gateway) {
            this.gateway = gateway;
        }

        @Override
        public void run() {
            while (true) {
                long now = System.nanoTime();
                int well = 0;
                for (int i = 0; i < PROVIDERS; i++) {
                    if (states[i] != State.WELL && (over || now > until[i])) {
                        states[i] = State.WELL;
                        back[i] = now;
                    }
                    if (states[i] == State.WELL) {
                        well++;
                        look(i, now);
                    }
                }
                if (over) {
                    return; // nobody calls any more, and only calls close a breaker
                }
                int one = chance.nextInt(PROVIDERS);
                if (states[one] == State.WELL && well > 1 && back[one] == 0 && chance.nextInt(10) == 0) {
                    until[one] = now + chance.nextLong(1_000_000_000L, 5_000_000_000L);
                    states[one] = ILL.get(chance.nextInt(ILL.size()));
                    count++;
                }
                LockSupport.parkNanos(50_000_000);
            }
        }

        /** Looks whether a provider that came back is asked again. */
        private void look(int provider, long now) {
            if (back[provider] == 0) {
                return;
            }
            boolean open = gateway.house().health().standings().stream()
                    .anyMatch(each -> each.provider().equals("p" + provider) && ill(each));
            slowestMillis = Math.max(slowestMillis, (now - back[provider]) / 1_000_000);
            if (!open) {
                back[provider] = 0;
            }
        }
    }

    private static boolean ill(Standing standing) {
        return standing.state() != Standing.State.OK
                || standing.targets().stream().anyMatch(each -> each.state() != Standing.State.OK);
    }

    /** The one right answer. */
    private static String right(int number) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < PIECES; i++) {
            text.append("part ")
                    .append(i)
                    .append(" of the answer to ")
                    .append(number)
                    .append(". ");
        }
        return text.toString();
    }

    private boolean call(Gateway gateway, int number) {
        boolean stream = number % 2 == 0;
        String body = "{\"model\":\"gpt\",\"stream\":" + stream
                + ",\"messages\":[{\"role\":\"user\",\"content\":\"call " + number + "\"}]}";
        long began = System.nanoTime();
        try {
            HttpResponse<String> answer = http.send(
                    gateway.request("/v1/chat/completions")
                            .header("content-type", "application/json")
                            .timeout(DEADLINE.plusSeconds(10))
                            .POST(HttpRequest.BodyPublishers.ofString(body))
                            .build(),
                    HttpResponse.BodyHandlers.ofString());
            nanos.add(System.nanoTime() - began);
            StringBuilder text = new StringBuilder();
            Matcher pieces = CONTENT.matcher(answer.body());
            while (pieces.find()) {
                text.append(pieces.group(1));
            }
            boolean ends = !stream
                    || (answer.body().endsWith("data: [DONE]\n\n")
                            && answer.body().split("\"stop\"", -1).length == 2);
            if (answer.statusCode() == 200 && ends && text.toString().equals(right(number))) {
                return true;
            }
            count(
                    answer.statusCode() != 200
                            ? answer.statusCode() + " " + brief(answer.body())
                            : answer.body().contains("\"error\"") ? "stream ended in an error" : "another answer");
        } catch (IOException failed) {
            count(failed.toString());
        } catch (InterruptedException stopped) {
            Thread.currentThread().interrupt();
        }
        return false;
    }

    private static String brief(String body) {
        return body.substring(0, Math.min(300, body.length()));
    }

    private void count(String what) {
        wrong.computeIfAbsent(what, _ -> new AtomicInteger()).incrementAndGet();
    }

    private void answer(int provider, Request request, Conversation conversation) throws Exception {
        int attempt = attempts.incrementAndGet();
        Matcher told = NUMBER.matcher(request.text());
        int number = told.find() ? Integer.parseInt(told.group(1)) : -1;
        if (!seen.add((long) number * PROVIDERS + provider)) {
            retries.incrementAndGet();
        }
        switch (states[provider]) {
            case REFUSING -> {
                conversation.json(503, "{\"error\":{\"message\":\"down\",\"type\":\"server_error\",\"code\":null}}");
                return;
            }
            case BREAKING -> {
                if (attempt % 3 != 0) {
                    conversation.reset();
                    return;
                }
            }
            case SILENT -> {
                conversation.awaitGone();
                return;
            }
            case WELL -> {}
        }
        if (!request.text().contains("\"stream\":true")) {
            Thread.sleep(20);
            conversation.json(
                    200,
                    "{\"id\":\"c\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,"
                            + "\"message\":{\"role\":\"assistant\",\"content\":\"" + right(number)
                            + "\"},\"finish_reason\":\"stop\"}],"
                            + "\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":40,\"total_tokens\":45}}");
            return;
        }
        conversation.chunkedEvents();
        conversation.chunk(chunk("{\"role\":\"assistant\",\"content\":\"\"}", "null"));
        String text = right(number);
        int length = Math.ceilDiv(text.length(), PIECES);
        for (int from = 0; from < text.length(); from += length) {
            Thread.sleep(5);
            if (states[provider] == State.BREAKING) {
                conversation.reset();
                return;
            }
            if (states[provider] == State.SILENT) {
                conversation.awaitGone();
                return;
            }
            String piece = text.substring(from, Math.min(text.length(), from + length));
            conversation.chunk(chunk("{\"content\":\"" + piece + "\"}", "null"));
        }
        conversation.chunk(chunk("{}", "\"stop\"") + "data: [DONE]\n\n");
        conversation.lastChunk();
    }

    private static String chunk(String delta, String finish) {
        return "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":"
                + "[{\"index\":0,\"delta\":" + delta + ",\"finish_reason\":" + finish + "}]}\n\n";
    }
}
