package dev.lockkeeper;

import dev.lockkeeper.admin.Doctor;
import dev.lockkeeper.admin.Finding;
import dev.lockkeeper.admin.Json;
import dev.lockkeeper.settings.Overrides;
import dev.lockkeeper.settings.Settings;
import dev.lockkeeper.settings.Shipped;
import dev.lockkeeper.upstream.ProviderSettings;
import java.security.SecureRandom;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;

/** {@code doctor}: tries the providers and says what to mend. */
@Command(
        name = "doctor",
        description = "Tries each provider as the gateway would reach it: proxy variables, name, connection, TLS,"
                + " credentials, models, time to the first token. Each line says ok, warn or fail, and what to mend. A"
                + " provider takes two minutes at most; all are tried at once. One small call is made at each, which may"
                + " cost a fraction of a cent.",
        footerHeading = "%nExamples:%n",
        footer = {
            "  lockkeeper doctor",
            "  lockkeeper doctor --config lockkeeper.yaml --no-call",
            "  lockkeeper doctor --json",
            "",
            "Exit codes: 0 nothing fails; 1 something does; 2 the command line or the configuration is wrong."
        })
final class DoctorCommand implements Callable<Integer> {
    private static final String SIMULATOR = "simulator";

    private final Shell shell;

    @Mixin
    private Configuration configuration = new Configuration();

    @Option(names = "--no-call", description = "Calls no model, so that it costs nothing.")
    private boolean noCall;

    @Option(names = "--json", description = "Prints the findings as JSON.")
    private boolean json;

    DoctorCommand(Shell shell) {
        this.shell = shell;
    }

    @Override
    public Integer call() {
        Settings settings = configuration.load(shell, Overrides.NONE).settings();
        Doctor doctor = new Doctor(
                shell.environment(),
                Clock.systemUTC(),
                System::nanoTime,
                !noCall,
                new SecureRandom(),
                Shipped.catalog());
        List<Finding> findings = new ArrayList<>();
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<List<Finding>>> all = new ArrayList<>();
            for (ProviderSettings provider : settings.providers()) {
                all.add(threads.submit(() -> examine(doctor, settings, provider)));
            }
            for (Future<List<Finding>> each : all) {
                List<Finding> found = result(each);
                if (!json) {
                    found.forEach(this::print);
                    shell.out().flush();
                }
                findings.addAll(found);
            }
        }
        boolean fails = findings.stream().anyMatch(finding -> finding.state() == Finding.State.FAIL);
        if (json) {
            ArrayNode array = JsonMapper.shared().createArrayNode();
            findings.forEach(finding -> array.add(finding.json()));
            shell.out().println(Json.text(array));
        }
        return fails ? CommandFailure.FAILED : 0;
    }

    private static List<Finding> examine(Doctor doctor, Settings settings, ProviderSettings provider) {
        if (settings.simulated() && provider.name().equals(SIMULATOR)) {
            return List.of(new Finding(
                    provider.name(),
                    "provider",
                    Finding.State.OK,
                    "answers are made up in this process; there is nothing to reach",
                    "for a real provider set OPENAI_API_KEY or write lockkeeper.yaml"));
        }
        List<String> models = settings.models().stream()
                .flatMap(model -> model.targets().stream())
                .filter(target -> target.provider().equals(provider.name()))
                .map(target -> target.model())
                .toList();
        List<Finding> found = new ArrayList<>(doctor.examine(provider, models));
        String unpriced = PricesInUse.missing(settings, Clock.systemUTC()).stream()
                .filter(each -> each.target().provider().equals(provider.name()))
                .map(each -> each.target().model())
                .collect(Collectors.joining(", "));
        if (!unpriced.isEmpty()) {
            found.add(new Finding(
                    provider.name(),
                    "prices",
                    Finding.State.WARN,
                    "no price is known of " + unpriced + ": these are not asked",
                    "write it under prices.providers." + provider.name() + ", or prices.unpriced"));
        }
        return found;
    }

    private void print(Finding finding) {
        shell.out().printf("%-4s  %s  %s: %s%n", finding.word(), finding.provider(), finding.point(), finding.detail());
        if (!finding.mend().isEmpty()) {
            shell.out().println("      " + finding.mend());
        }
    }

    private static List<Finding> result(Future<List<Finding>> future) {
        try {
            return future.get();
        } catch (ExecutionException e) {
            throw e.getCause() instanceof RuntimeException cause ? cause : new IllegalStateException(e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw CommandFailure.failed("interrupted");
        }
    }
}
