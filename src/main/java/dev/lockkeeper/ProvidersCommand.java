package dev.lockkeeper;

import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import tools.jackson.databind.JsonNode;

/** {@code providers}: how those who serve are doing. */
@Command(
        name = "providers",
        description =
                "Tells how the providers that were asked, and their targets, are doing, as the server that runs on the data"
                        + " folder sees it: who is left alone, why, and for how long.",
        footerHeading = "%nExamples:%n",
        footer = {
            "  lockkeeper providers",
            "  lockkeeper providers --json",
            "",
            "ok: asked as usual; trying: a few calls go there, to see whether it is well again; ill: too many attempts",
            "failed or were slow; resting: it asked for patience, or its key or account is of no use.",
            "",
            "Exit codes: 0 told; 1 no server runs there, or it can't be asked; 2 the command line or the configuration is",
            "wrong."
        })
final class ProvidersCommand extends Asking {
    private static final String NOTHING = "-";

    @Override
    public Integer call() {
        JsonNode answer = ofServer("/admin/v1/health");
        Table table = new Table(
                List.of("PROVIDER", "STATE", "AGAIN IN", "FAILED", "SLOW", "FIRST TOKEN", "UNDER WAY", "WHY"));
        for (JsonNode provider : answer.path("data")) {
            table.add(whole(provider));
            provider.path("targets").forEach(target -> table.add(one(target)));
        }
        return listed(answer, "No provider was asked yet.", table);
    }

    private static List<String> whole(JsonNode provider) {
        long limit = provider.path("limit").asLong(-1);
        long queued = provider.path("queued").asLong();
        long retries = provider.path("retries").asLong();
        String calls = provider.path("calls").asLong() + " attempts in 10 s";
        return List.of(
                Table.text(provider.path("provider")),
                Table.text(provider.path("state")),
                time(provider.path("opens_in_ms").asLong()),
                NOTHING,
                NOTHING,
                NOTHING,
                provider.path("busy").asLong()
                        + (limit < 0 ? "" : " of " + limit)
                        + (queued == 0 ? "" : ", " + queued + " wait"),
                retries == 0 ? calls : calls + ", " + retries + " of them retries");
    }

    private static List<String> one(JsonNode target) {
        long attempts = target.path("attempts").asLong();
        String key = target.path("key").asString();
        return Stream.of(
                        "  " + target.path("model").asString() + (key.isEmpty() ? "" : " with " + key),
                        Table.text(target.path("state")),
                        time(target.path("opens_in_ms").asLong()),
                        attempts == 0 ? NOTHING : target.path("failed_percent").asLong() + "% of " + attempts,
                        attempts == 0 ? NOTHING : target.path("slow_percent").asLong() + "%",
                        time(target.path("first_token_ms").asLong()),
                        target.path("busy").asString(),
                        target.path("why").asString())
                .toList();
    }

    /** Milliseconds, as people say them. */
    private static String time(long millis) {
        return millis == 0
                ? NOTHING
                : millis < 1_000
                        ? millis + " ms"
                        : millis < 120_000
                                ? String.format(Locale.ROOT, "%.1f s", millis / 1_000.0)
                                : millis / 60_000 + " min";
    }
}
