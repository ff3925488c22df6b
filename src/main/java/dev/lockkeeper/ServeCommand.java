package dev.lockkeeper;

import dev.lockkeeper.admin.Reloaded;
import dev.lockkeeper.db.DatabaseUnavailable;
import dev.lockkeeper.http.Addresses;
import dev.lockkeeper.http.PortTaken;
import dev.lockkeeper.http.ServerSettings;
import dev.lockkeeper.observe.Logging;
import dev.lockkeeper.settings.Loaded;
import dev.lockkeeper.settings.Overrides;
import dev.lockkeeper.settings.Settings;
import java.io.Console;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicReference;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code serve}: the gateway itself, until it is told to stop. */
@Command(
        name = "serve",
        description = "Runs the gateway until it is told to stop (Ctrl-C, SIGTERM).",
        footerHeading = "%nExamples:%n",
        footer = {
            "  lockkeeper serve",
            "      without configuration: answers come from a simulated provider",
            "  OPENAI_API_KEY=sk-... lockkeeper serve",
            "      offers OpenAI's models",
            "  lockkeeper serve --config lockkeeper.yaml --host 0.0.0.0 --port 80",
            "      what the command line says wins over the environment, and that over the file",
            "",
            "Told to stop, it lets calls under way end (server.drain); told twice, it ends at once.",
            "",
            "Exit codes: 0 told to stop; 1 the port is taken, the data folder is in use or can't be written;",
            "2 the command line or the configuration is wrong; 130 or 143 told to stop twice."
        })
final class ServeCommand implements Callable<Integer> {
    /** A value that means itself: no other option, no {@code @file}, no quotes. */
    private static final Pattern PLAIN_VALUE = Pattern.compile("[\\p{Alnum}/._:\\[][^\\x00\"']*");

    private static final Pattern PLAIN_NUMBER = Pattern.compile("0|[1-9][0-9]{0,5}");

    private final Shell shell;

    @Mixin
    private Configuration configuration = new Configuration();

    @Option(names = "--host", paramLabel = "ADDRESS", description = "Where clients reach it. Default: 127.0.0.1.")
    private @Nullable String host;

    @Option(names = "--port", paramLabel = "PORT", description = "Its port, 0 for any free one. Default: 8080.")
    private @Nullable Integer port;

    @Option(
            names = "--admin-port",
            paramLabel = "PORT",
            description = "Port for the operator (health, metrics, keys). Default: 8081.")
    private @Nullable Integer adminPort;

    @Option(
            names = "--data",
            paramLabel = "FOLDER",
            description = "Folder of the database. Default: lockkeeper-data in this folder.")
    private @Nullable Path data;

    ServeCommand(Shell shell) {
        this.shell = shell;
    }

    /**
     * The command for a line in its plainest form: {@code serve}, and options that it knows, each once and with a value of
     * its own ({@code --port 80}, {@code --port=80}). Anything else, mistakes too, is null: picocli reads and explains it.
     * Its classes are in the format of Java 5, which a start cache can't hold: they cost a quarter of a start.
     */
    static @Nullable ServeCommand plainly(Shell shell, String... args) {
        if (args.length == 0 || !args[0].equals("serve")) {
            return null;
        }
        ServeCommand serve = new ServeCommand(shell);
        Set<String> given = new HashSet<>();
        for (int i = 1; i < args.length; i++) {
            String name = args[i];
            if (!name.equals("--verbose")) { // the launcher's
                int sign = name.startsWith("--") ? name.indexOf('=') : -1;
                String value = sign >= 0 ? name.substring(sign + 1) : i + 1 < args.length ? args[++i] : "";
                name = sign >= 0 ? name.substring(0, sign) : name.equals("-c") ? "--config" : name;
                if (!PLAIN_VALUE.matcher(value).matches() || !serve.take(name, value)) {
                    return null;
                }
            }
            if (!given.add(name)) {
                return null;
            }
        }
        return serve;
    }

    /** Takes an option; false when there is no such one or the value does not fit. */
    private boolean take(String name, String value) {
        switch (name) {
            case "--config" -> configuration = new Configuration(Path.of(value));
            case "--host" -> host = value;
            case "--data" -> data = Path.of(value);
            case "--port", "--admin-port" -> {
                if (!PLAIN_NUMBER.matcher(value).matches()) {
                    return false;
                }
                Integer number = Integer.valueOf(value);
                if (name.equals("--port")) {
                    port = number;
                } else {
                    adminPort = number;
                }
            }
            default -> {
                return false;
            }
        }
        return true;
    }

    /** What the command line said. */
    Overrides overrides() {
        return new Overrides(host, port, adminPort, data);
    }

    /** The configuration that the command line named; null when it named none. */
    @Nullable Path configuration() {
        return configuration.file();
    }

    @Override
    public Integer call() {
        Overrides overrides = overrides();
        Loaded.Good loaded = configuration.load(shell, overrides);
        Settings settings = loaded.settings();
        Logging.serve(settings.log());
        Stop stop = Stop.listen(shell);
        AtomicReference<House> open = new AtomicReference<>();
        boolean terminal = Optional.ofNullable(System.console())
                .filter(Console::isTerminal)
                .isPresent();
        boolean _ = Signals.on("HUP", () -> hungUp(open.get(), terminal, stop));
        try {
            House house = House.start(
                    loaded,
                    inEffect -> configuration.again(inEffect, shell, overrides),
                    new FileOutputStream(FileDescriptor.out));
            open.set(house);
            greet(house, settings, loaded.notes());
            stop.await();
            house.drain();
            // The end is a normal one, so that whatever waits for it (hooks, an AOT cache being recorded) sees it.
            return 0;
        } catch (DatabaseUnavailable | PortTaken | IOException cannot) {
            throw CommandFailure.failed(String.valueOf(cannot.getMessage()));
        } catch (InterruptedException stopped) {
            Thread.currentThread().interrupt();
            return 0;
        } finally {
            Logging.flush();
        }
    }

    /**
     * SIGHUP: a wish to read the configuration again, but where this process was started in a terminal that is gone now, to
     * stop. Before the house is open there is nothing to do: it is read just now.
     */
    private static void hungUp(@Nullable House house, boolean terminal, Stop stop) {
        if (terminal && terminalIsGone()) {
            stop.wish("SIGHUP, and the terminal is gone");
        } else if (house != null) {
            Reloaded _ = house.readAgain("SIGHUP");
        }
    }

    private static boolean terminalIsGone() {
        try (InputStream _ = Files.newInputStream(Path.of("/dev/tty"))) {
            return false;
        } catch (IOException gone) {
            return true;
        }
    }

    /** A few lines for who has just started it; the lines of calls go to standard output, these don't. */
    private void greet(House house, Settings settings, List<String> notes) {
        String url = "http" + (settings.server().tls() == null ? "" : "s") + "://"
                + reachable(settings.server().host()) + ":" + house.port();
        shell.err()
                .println("Lockkeeper " + VersionCommand.version() + " is open at " + url + "/v1 (operator: http://"
                        + reachable(settings.admin().host()) + ":" + house.adminPort() + ")");
        ServerSettings.UnixSocket socket = settings.server().unixSocket();
        if (socket != null) {
            shell.err().println("It is open at " + socket.path() + ", too.");
        }
        if (settings.simulated()) {
            shell.err()
                    .println("Answers come from the simulator in this process: no provider is configured."
                            + " Set OPENAI_API_KEY or write lockkeeper.yaml to reach one.");
        }
        notes.forEach(shell.err()::println);
        PricesInUse.note(settings, Clock.systemUTC()).forEach(shell.err()::println);
        String key = house.firstKey();
        if (key != null) {
            shell.err().println("A new live key, shown this once: " + key);
        } else {
            shell.err().println("Keys: lockkeeper keys list, lockkeeper keys create NAME");
        }
        String model = settings.models().getFirst().name();
        shell.err().println("Try it:");
        shell.err()
                .println("  curl " + url + "/v1/chat/completions -H 'Authorization: Bearer "
                        + (key == null ? "YOUR-KEY" : key) + "' -H 'Content-Type: application/json'"
                        + " -d '{\"model\":\"" + model
                        + "\",\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]}'");
        shell.err().flush();
    }

    /** An address that a client on this machine can write; one that stands for all is reached by loopback. */
    private static String reachable(String address) {
        return switch (address) {
            case "0.0.0.0" -> "127.0.0.1";
            case "::", "[::]" -> "[::1]";
            default -> Addresses.inUrl(address);
        };
    }
}
