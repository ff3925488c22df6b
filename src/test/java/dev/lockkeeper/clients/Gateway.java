package dev.lockkeeper.clients;

import dev.lockkeeper.House;
import dev.lockkeeper.db.DatabaseUnavailable;
import dev.lockkeeper.routing.ModelSettings;
import dev.lockkeeper.settings.Loaded;
import dev.lockkeeper.settings.Overrides;
import dev.lockkeeper.settings.Settings;
import dev.lockkeeper.settings.SettingsLoader;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** A running gateway with its simulated provider, as clients meet it: a base URL and a key. */
final class Gateway implements AutoCloseable {
    /** A model that takes every parameter. */
    static final String MODEL = "gpt-4o-mini";

    /** A model that reasons. */
    static final String REASONER = "gpt-5.5";

    static final String EMBEDDINGS = "text-embedding-3-small";
    static final String TRANSCRIBER = "gpt-4o-transcribe";

    private static final List<String> UNDER =
            List.of("cut(4)", "reset(4)", "eof(4)", "garbage(4)", "error(4)", "failed(4)");

    private final House house;
    private final Path data;
    private final String key;

    private Gateway(House house, Path data, String key) {
        this.house = house;
        this.data = data;
        this.key = key;
    }

    /** Starts one as {@code lockkeeper serve} does without a file, on a free port and with more models. */
    static Gateway start() {
        try {
            Path data = Files.createTempDirectory("lockkeeper-clients");
            Loaded loaded = SettingsLoader.load(null, Map.of(), new Overrides("127.0.0.1", 0, 0, data));
            if (!(loaded instanceof Loaded.Good good)) {
                throw new IllegalStateException("the defaults are mistaken: " + loaded);
            }
            House house = House.start(more(good.settings()), OutputStream.nullOutputStream());
            String key = house.firstKey();
            if (key == null) {
                throw new IllegalStateException("a fresh data folder made no first key");
            }
            return new Gateway(house, data, key);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (DatabaseUnavailable e) {
            throw new IllegalStateException(e);
        }
    }

    /**
     * What {@code serve} offers, and besides a model that transcribes, and one for each mishap of {@link #UNDER}. Each call is
     * tried once: what clients do when they are told to try again is the question here.
     */
    private static Settings more(Settings from) {
        List<ModelSettings> models = new ArrayList<>();
        from.models()
                .forEach(each -> models.add(new ModelSettings(
                        each.name(), each.targets(), each.profile(), each.context(), each.maxOutput())));
        String provider = from.providers().getFirst().name();
        models.add(model(TRANSCRIBER, provider, TRANSCRIBER));
        UNDER.forEach(mishap -> models.add(model(underMishap(mishap), provider, MODEL + "+" + mishap)));
        return new Settings(
                from.loops(),
                from.server(),
                from.drain(),
                from.door(),
                from.admin(),
                from.data(),
                from.database(),
                from.relay(),
                from.repeats(),
                from.ledger(),
                from.log(),
                from.providers(),
                models,
                from.prices(),
                from.alerts(),
                from.simulated(),
                from.watch(),
                from.health());
    }

    private static ModelSettings model(String name, String provider, String upstream) {
        return new ModelSettings(
                name, List.of(new ModelSettings.TargetSettings(provider, upstream)), ModelSettings.Profile.AUTO, 0, 0);
    }

    /** The model whose every call has a mishap of {@link #UNDER}, for clients that can't send metadata. */
    static String underMishap(String mishap) {
        return MODEL + "-under-" + mishap.replaceAll("[^a-z0-9]+", "-");
    }

    /** Where its API stands, with {@code /v1}. */
    String baseUrl() {
        return "http://127.0.0.1:" + house.port() + "/v1";
    }

    /** A live key. */
    String key() {
        return key;
    }

    /** What a script in another language is told. */
    Map<String, String> environment() {
        return Map.of(
                "BASE_URL",
                baseUrl(),
                "API_KEY",
                key,
                "MODEL",
                MODEL,
                "REASONER",
                REASONER,
                "EMBEDDINGS",
                EMBEDDINGS,
                "TRANSCRIBER",
                TRANSCRIBER,
                // A proxy of the machine must not stand between a test and its gateway.
                "NO_PROXY",
                "127.0.0.1",
                "no_proxy",
                "127.0.0.1");
    }

    /** Metadata that asks the simulated provider to misbehave. */
    static Map<String, String> mishap(String mishap) {
        return Map.of("sim_mishap", mishap);
    }

    @Override
    public void close() {
        house.close();
        try (Stream<Path> files = Files.walk(data)) {
            for (Path each : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(each);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
