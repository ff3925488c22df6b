package dev.lockkeeper;

import dev.lockkeeper.http.Loops;
import dev.lockkeeper.http.PortTaken;
import dev.lockkeeper.simulator.Simulator;
import dev.lockkeeper.simulator.SimulatorSettings;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code simulate}: the simulated provider alone, until it is told to stop. */
@Command(
        name = "simulate",
        description =
                "Runs the simulated provider alone, until it is told to stop: it speaks OpenAI's API, takes any key,"
                        + " makes its answers up, and misbehaves when the model's name says so. For tests of your own"
                        + " application.",
        footerHeading = "%nExamples:%n",
        footer = {
            "  lockkeeper simulate --port 9000",
            "  lockkeeper simulate --seed 7             the same answers every time",
            "  lockkeeper simulate --tokens 500 --pace 20",
            "",
            "Exit codes: 0 told to stop; 1 the port is taken; 2 the command line is wrong."
        })
final class SimulateCommand implements Callable<Integer> {
    private final Shell shell;

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Option(names = "--host", paramLabel = "ADDRESS", description = "Where it listens. Default: ${DEFAULT-VALUE}.")
    private String host = "127.0.0.1";

    @Option(
            names = "--port",
            paramLabel = "PORT",
            description = "Its port, 0 for any free one. Default: ${DEFAULT-VALUE}.")
    private int port = 8090;

    @Option(
            names = "--seed",
            paramLabel = "NUMBER",
            description = "What all chance comes from: the same seed and request, the same answer. Default: drawn.")
    private @Nullable Long seed;

    @Option(
            names = "--tokens",
            paramLabel = "NUMBER",
            description = "Length of an answer where the request does not say. Default: ${DEFAULT-VALUE}.")
    private int tokens = SimulatorSettings.TOKENS;

    @Option(
            names = "--pace",
            paramLabel = "MILLISECONDS",
            description = "Between two tokens of a stream. Default: ${DEFAULT-VALUE}.")
    private int paceMillis;

    @Option(
            names = "--first-byte",
            paramLabel = "MILLISECONDS",
            description = "Before anything of an answer comes. Default: ${DEFAULT-VALUE}.")
    private int firstByteMillis;

    SimulateCommand(Shell shell) {
        this.shell = shell;
    }

    @Override
    public Integer call() throws InterruptedException {
        Stop stop = Stop.listen(shell);
        SecureRandom random = new SecureRandom();
        SimulatorSettings settings = settings(seed != null ? seed : random.nextInt() & Integer.MAX_VALUE);
        try (Loops loops = Loops.start(0, random);
                Simulator simulator = Simulator.start(loops, host, port, settings)) {
            String url = "http://" + host + ":" + simulator.port() + "/v1";
            shell.err().println("The simulated provider is open at " + url + " (seed " + settings.seed() + ").");
            shell.err().println("Try it:");
            shell.err()
                    .println("  curl " + url + "/chat/completions -H 'Authorization: Bearer any'"
                            + " -H 'Content-Type: application/json'"
                            + " -d '{\"model\":\"gpt-5.5\",\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]}'");
            shell.err().flush();
            stop.await();
            return 0;
        } catch (PortTaken taken) {
            throw CommandFailure.failed(String.valueOf(taken.getMessage()));
        }
    }

    private SimulatorSettings settings(long chosen) {
        try {
            return SimulatorSettings.seeded(chosen, Clock.systemUTC())
                    .withText(tokens, Duration.ofMillis(paceMillis), Duration.ofMillis(firstByteMillis));
        } catch (IllegalArgumentException e) {
            throw new ParameterException(spec.commandLine(), "--" + e.getMessage(), e);
        }
    }
}
