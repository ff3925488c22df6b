package dev.lockkeeper;

import dev.lockkeeper.admin.RunningServer;
import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.Proxy;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code health}: asks the server that runs on a data folder whether it is ready. Made for a container's health check. */
@Command(
        name = "health",
        description = "Asks the server that runs on the data folder whether it is ready to take calls (/readyz).",
        footerHeading = "%nExamples:%n",
        footer = {
            "  lockkeeper health --data /var/lib/lockkeeper",
            "",
            "Exit codes: 0 it is ready; 1 it is not (why is told), or no server runs there; 2 the command line or the",
            "configuration is wrong."
        })
final class HealthCommand implements Callable<Integer> {
    /** How long a connection, and then the answer, is waited for. */
    private static final Duration TIMEOUT = Duration.ofSeconds(3);

    private final Shell shell;

    @Mixin
    private DataFolder data = new DataFolder();

    HealthCommand(Shell shell) {
        this.shell = shell;
    }

    @Override
    public Integer call() {
        Path folder = data.folder(shell);
        RunningServer server = RunningServer.on(folder, OptionalLong.empty())
                .orElseThrow(() -> CommandFailure.failed("no server runs on " + folder.toAbsolutePath()
                        + ". Name its data folder with --data, or its configuration with --config."));
        URI readiness = server.admin().resolve("/readyz");
        try {
            // A proxy in the environment is not for this machine's own ports.
            HttpURLConnection asked = (HttpURLConnection) readiness.toURL().openConnection(Proxy.NO_PROXY);
            asked.setConnectTimeout(Math.toIntExact(TIMEOUT.toMillis()));
            asked.setReadTimeout(Math.toIntExact(TIMEOUT.toMillis()));
            int status = asked.getResponseCode();
            boolean ready = status == HttpURLConnection.HTTP_OK;
            try (var body = ready ? asked.getInputStream() : asked.getErrorStream()) {
                String said = body == null ? "" : new String(body.readAllBytes(), StandardCharsets.UTF_8).strip();
                if (ready) {
                    shell.out().println(said);
                    return 0;
                }
                throw CommandFailure.failed("not ready: " + readiness + " answered " + status + ": " + said);
            }
        } catch (IOException e) {
            throw CommandFailure.failed("the server at " + server.admin() + " (process " + server.pid()
                    + ") could not be asked: " + e.getMessage());
        }
    }
}
