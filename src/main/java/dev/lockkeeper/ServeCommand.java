package dev.lockkeeper;

import dev.lockkeeper.settings.Loaded;
import dev.lockkeeper.settings.Overrides;
import java.nio.file.Path;
import java.util.concurrent.Callable;
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
            "Exit codes: 0 told to stop; 1 the port is taken, the data folder is in use or can't be written;",
            "2 the command line or the configuration is wrong."
        })
final class ServeCommand implements Callable<Integer> {
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

    @Override
    public Integer call() {
        Loaded.Good loaded = configuration.load(shell, new Overrides(host, port, adminPort, data));
        throw CommandFailure.failed("The gateway is not in this build, only its data folder "
                + loaded.settings().data() + " and its commands.");
    }
}
