package dev.lockkeeper.observe;

import dev.lockkeeper.relay.CallReport;
import dev.lockkeeper.relay.CallReport.Outcome;
import dev.lockkeeper.units.Usage;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Reports for tests. */
final class Reports {
    static final Usage USAGE = new Usage.Builder()
            .freshInput(20)
            .cachedInput(100)
            .textOutput(20)
            .reasoningOutput(10)
            .build();

    private Reports() {}

    static CallReport of(String model, String provider, int status, Outcome outcome, @Nullable Usage usage) {
        return new CallReport(
                "req_1",
                "key_1",
                "proj_1",
                "2001:db8:1:2:3:4:5:6",
                "/v1/chat/completions",
                "POST",
                model,
                model.isEmpty() ? "" : model + "-2026",
                provider,
                status,
                outcome,
                outcome == Outcome.SERVED ? "" : "upstream_reset",
                true,
                outcome == Outcome.SERVED ? 12_345_678L : -1,
                98_765_432L,
                83_210L,
                usage,
                512,
                2_048,
                1_795_000_000_123L,
                outcome == Outcome.SERVED ? "stop" : "",
                1,
                outcome == Outcome.SERVED ? 1_234_567L : CallReport.NO_COST,
                List.of(),
                0,
                "");
    }
}
