package dev.lockkeeper.observe;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.http.Loop;
import dev.lockkeeper.relay.CallReport.Outcome;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class MetricsTest {
    private final Metrics metrics = new Metrics(Set.of("gpt-5.5", "gpt-4o")::contains);

    @AfterEach
    void close() {
        metrics.close();
    }

    @Test
    void aCallIsCountedUnderItsLabels() {
        metrics.ended(Reports.of("gpt-5.5", "openai", 200, Outcome.SERVED, Reports.USAGE));
        metrics.ended(Reports.of("gpt-5.5", "openai", 200, Outcome.SERVED, Reports.USAGE));
        metrics.ended(Reports.of("gpt-5.5", "openai", 502, Outcome.FAILED, null));
        String text = metrics.scrape().utf8();
        assertThat(text)
                .contains("lockkeeper_calls_total{endpoint=\"/v1/chat/completions\",model=\"gpt-5.5\","
                        + "outcome=\"served\",provider=\"openai\",status=\"2xx\"} 2.0\n")
                .contains("outcome=\"failed\",provider=\"openai\",status=\"5xx\"} 1.0\n")
                .contains("lockkeeper_tokens_total{kind=\"input\",model=\"gpt-5.5\",provider=\"openai\"} 240.0\n")
                .contains(
                        "lockkeeper_tokens_total{kind=\"cached_input\",model=\"gpt-5.5\",provider=\"openai\"} 200.0\n")
                .contains(
                        "lockkeeper_tokens_total{kind=\"reasoning_output\",model=\"gpt-5.5\",provider=\"openai\"} 20.0\n")
                .contains("lockkeeper_request_bytes_total 1536.0\n")
                .contains("lockkeeper_warnings_total 3.0\n");
    }

    @Test
    void timesFallIntoBuckets() {
        metrics.ended(Reports.of("gpt-5.5", "openai", 200, Outcome.SERVED, null));
        String text = metrics.scrape().utf8();
        assertThat(text)
                .contains("lockkeeper_own_seconds_bucket{endpoint=\"/v1/chat/completions\",le=\"5.0E-5\"} 0\n")
                .contains("lockkeeper_own_seconds_bucket{endpoint=\"/v1/chat/completions\",le=\"1.0E-4\"} 1\n")
                .contains("lockkeeper_first_byte_seconds_bucket{model=\"gpt-5.5\",provider=\"openai\",le=\"0.05\"} 1\n")
                .contains("lockkeeper_total_seconds_bucket{model=\"gpt-5.5\",provider=\"openai\",le=\"0.1\"} 1\n");
    }

    @Test
    void aCallWithoutAnswerHasNoTimeToFirstByte() {
        metrics.ended(Reports.of("gpt-5.5", "openai", 502, Outcome.FAILED, null));
        assertThat(metrics.scrape().utf8())
                .contains("lockkeeper_first_byte_seconds_count{model=\"gpt-5.5\",provider=\"openai\"} 0\n")
                .contains("lockkeeper_total_seconds_count{model=\"gpt-5.5\",provider=\"openai\"} 1\n");
    }

    @Test
    void namesThatClientsInventDoNotMakeTheMetricsGrow() {
        for (int i = 0; i < 2_000; i++) {
            metrics.ended(Reports.of("invented-" + i, "", 404, Outcome.REFUSED, null));
        }
        assertThat(metrics.scrape().utf8())
                .doesNotContain("invented")
                .contains("model=\"other\",outcome=\"refused\",provider=\"none\",status=\"4xx\"} 2000.0\n");
    }

    @Test
    void evenKnownNamesAreBounded() {
        try (Metrics open = new Metrics(_ -> true)) {
            int models = Metrics.MAX_CALL_SERIES + 10;
            for (int i = 0; i < models; i++) {
                open.ended(Reports.of("model-" + i, "openai", 200, Outcome.SERVED, null));
            }
            String text = open.scrape().utf8();
            assertThat(text.lines().filter(line -> line.startsWith("lockkeeper_calls_total{")))
                    .hasSize(Metrics.MAX_CALL_SERIES + 1);
            assertThat(text).contains("model=\"other\",outcome=\"served\",provider=\"other\",status=\"2xx\"} 10.0\n");
            assertThat(text.lines().filter(line -> line.startsWith("lockkeeper_total_seconds_count{")))
                    .hasSize(Metrics.MAX_TARGET_SERIES + 1);
        }
    }

    @Test
    void gaugesShowWhatTheyAreHungOn() {
        metrics.callsInFlight(() -> 7);
        metrics.bytesInFlight(() -> 4_096);
        metrics.logLinesLost(() -> 3);
        metrics.ledger(() -> 12, () -> 8_192, () -> 5, () -> 40, () -> 1);
        metrics.leases(() -> 9, () -> 4, () -> 0);
        metrics.limitShares(() -> 6, () -> 2, () -> 3, () -> 0);
        System.gc(); // what a gauge asks must not be lost with the caller's reference
        assertThat(metrics.scrape().utf8())
                .contains("lockkeeper_calls_in_flight 7.0\n")
                .contains("lockkeeper_bytes_in_flight 4096.0\n")
                .contains("lockkeeper_log_lines_lost_total 3.0\n")
                .contains("lockkeeper_ledger_holds_open 12.0\n")
                .contains("lockkeeper_ledger_journal_bytes 8192.0\n")
                .contains("lockkeeper_ledger_lag_records 5.0\n")
                .contains("lockkeeper_ledger_lag_milliseconds 40.0\n")
                .contains("lockkeeper_ledger_open 1.0\n")
                .contains("lockkeeper_limit_shares_held 6.0\n")
                .contains("lockkeeper_limit_shares_left 2.0\n")
                .contains("lockkeeper_limit_shares_nodes 3.0\n")
                .contains("jvm_memory_used_bytes{");
    }

    @Test
    void connectionsAreAskedForAtEachScrapeAndSummedByProvider() {
        int[] open = {12};
        metrics.upstreamConnections(tell -> {
            tell.accept("openai", open[0]);
            tell.accept("openai", 1);
            tell.accept("local", 2);
        });
        assertThat(metrics.scrape().utf8())
                .contains("lockkeeper_upstream_connections{provider=\"openai\"} 13.0\n")
                .contains("lockkeeper_upstream_connections{provider=\"local\"} 2.0\n");
        open[0] = 3;
        assertThat(metrics.scrape().utf8()).contains("lockkeeper_upstream_connections{provider=\"openai\"} 4.0\n");
    }

    @Test
    void everyMetricStandsInTheDocument() throws IOException {
        metrics.ended(Reports.of("gpt-5.5", "openai", 200, Outcome.SERVED, Reports.USAGE));
        metrics.callsInFlight(() -> 0);
        metrics.bytesInFlight(() -> 0);
        metrics.logLinesLost(() -> 0);
        metrics.ledger(() -> 0, () -> 0, () -> 0, () -> 0, () -> 1);
        metrics.leases(() -> 0, () -> 0, () -> 0);
        metrics.limitShares(() -> 0, () -> 0, () -> 1, () -> 0);
        metrics.upstreamConnections(tell -> tell.accept("openai", 1));
        metrics.watch(List.of(new HandTicked()));
        String document = Files.readString(Path.of("docs/observing.md"));
        assertThat(metrics.scrape().utf8().lines().filter(line -> line.startsWith("# TYPE lockkeeper_")))
                .hasSizeGreaterThan(10)
                .map(line -> line.split(" ")[2])
                .allSatisfy(name -> assertThat(document).contains("`" + name.replaceAll("_max$", "") + "`"));
    }

    @Test
    void aLateTickShowsAsLag() {
        long tick = Loop.TICK_MILLIS * 1_000_000L;
        HandTicked loop = new HandTicked();
        metrics.watch(List.of(loop));
        long start = 5_000;
        loop.tick(start);
        loop.tick(start + tick);
        loop.tick(start + 2 * tick + 70_000_000L);
        loop.tick(start + 3 * tick);
        assertThat(metrics.scrape().utf8())
                .contains("lockkeeper_loop_lag_seconds_bucket{loop=\"3\",le=\"0.05\"} 2\n")
                .contains("lockkeeper_loop_lag_seconds_bucket{loop=\"3\",le=\"0.1\"} 3\n")
                .contains("lockkeeper_loop_lag_seconds_count{loop=\"3\"} 3\n");
    }

    private static final class HandTicked implements Loop {
        private Ticking ticking = _ -> {};

        @Override
        public int index() {
            return 3;
        }

        @Override
        public void run(Runnable task) {
            task.run();
        }

        @Override
        public void later(Runnable task) {
            task.run();
        }

        @Override
        public boolean here() {
            return true;
        }

        @Override
        public Subscription everyTick(Ticking heard) {
            ticking = heard;
            return () -> ticking = _ -> {};
        }

        @Override
        public Subscription after(long millis, Runnable task) {
            throw new UnsupportedOperationException("nothing here is delayed");
        }

        void tick(long nowNanos) {
            ticking.tick(nowNanos);
        }
    }
}
