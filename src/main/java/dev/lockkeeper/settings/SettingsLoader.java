package dev.lockkeeper.settings;

import dev.lockkeeper.admin.AdminSettings;
import dev.lockkeeper.door.DoorSettings;
import dev.lockkeeper.http.ClientSettings;
import dev.lockkeeper.http.ServerSettings;
import dev.lockkeeper.observe.LogSettings;
import dev.lockkeeper.relay.RelaySettings;
import dev.lockkeeper.routing.Catalog;
import dev.lockkeeper.routing.ModelSettings;
import dev.lockkeeper.upstream.ProviderSettings;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Reads file, environment and command line into one {@link Settings}, or tells all mistakes at once. Any thread; blocks. */
public final class SettingsLoader {
    private static final List<String> SIMULATED = List.of(
            "gpt-5.5",
            "gpt-5.5-pro",
            "gpt-5.4",
            "gpt-5.4-mini",
            "gpt-5.4-nano",
            "gpt-4o",
            "gpt-4o-mini",
            "text-embedding-3-small");

    private SettingsLoader() {}

    /**
     * Loads the configuration.
     *
     * @param file the file to read; null: the one that {@code LOCKKEEPER_CONFIG} names, else {@code lockkeeper.yaml} in
     *     the working directory if there is one
     * @param environment variables by name
     * @param overrides what the command line says
     */
    public static Loaded load(@Nullable Path file, Map<String, String> environment, Overrides overrides) {
        Path folder = Path.of("").toAbsolutePath();
        Catalog catalog = Catalog.shipped();
        List<String> notes = new ArrayList<>();
        String key = environment.getOrDefault("OPENAI_API_KEY", "");
        boolean simulated = key.isEmpty();
        URI base = URI.create(
                simulated
                        ? "http://127.0.0.1:0/v1"
                        : environment.getOrDefault("OPENAI_BASE_URL", "https://api.openai.com/v1"));
        String name = simulated ? "simulator" : "openai";
        ProviderSettings provider = new ProviderSettings(
                name,
                base,
                simulated ? ProviderSettings.Auth.NONE : ProviderSettings.Auth.BEARER,
                key,
                Map.of(),
                Map.of(),
                new ClientSettings(
                        name,
                        base.getHost(),
                        base.getPort() >= 0 ? base.getPort() : base.getScheme().equals("https") ? 443 : 80,
                        base.getScheme().equals("https"),
                        ClientSettings.Version.AUTO,
                        Duration.ofSeconds(5),
                        Duration.ofSeconds(60),
                        1000,
                        Duration.ofSeconds(5),
                        1000,
                        simulated),
                ProviderSettings.Timeouts.DEFAULT);
        List<String> names = simulated
                ? SIMULATED
                : catalog.of("openai").stream().map(Catalog.Known::model).toList();
        List<ModelSettings> models = new ArrayList<>();
        for (String model : names) {
            Catalog.Known known = catalog.find(model);
            models.add(new ModelSettings(
                    model,
                    List.of(new ModelSettings.TargetSettings(name, model)),
                    ModelSettings.Profile.AUTO,
                    known == null ? 0 : known.context(),
                    known == null ? 0 : known.maxOutput()));
        }
        if (!simulated) {
            notes.add("OPENAI_API_KEY is set: OpenAI's models are offered through " + base);
        }
        Path data = overrides.data() != null ? overrides.data().toAbsolutePath() : folder.resolve("lockkeeper-data");
        Settings settings = new Settings(
                Runtime.getRuntime().availableProcessors(),
                ServerSettings.on(
                        overrides.host() != null ? overrides.host() : "127.0.0.1",
                        overrides.port() != null ? overrides.port() : 8080),
                new DoorSettings(List.of()),
                new AdminSettings("127.0.0.1", overrides.adminPort() != null ? overrides.adminPort() : 8081, List.of()),
                data,
                new RelaySettings(
                        Duration.ofSeconds(15),
                        Duration.ZERO,
                        16 << 20,
                        Runtime.getRuntime().maxMemory() / 4,
                        data.resolve("spill"),
                        256 << 10),
                new LogSettings(true, "text", "info"),
                List.of(provider),
                models,
                simulated);
        return new Loaded.Good(settings, notes, new Effective(List.of()));
    }
}
