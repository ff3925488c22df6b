package dev.lockkeeper;

import dev.lockkeeper.settings.Loaded;
import dev.lockkeeper.settings.Overrides;
import java.time.Clock;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code check}: says what is wrong with the configuration, or what it comes to. */
@Command(
        name = "check",
        description = "Checks the configuration and prints what is in force: every key, its value and where that came"
                + " from. Secrets are masked. Starts nothing and asks nobody; 'doctor' asks the providers.",
        footerHeading = "%nExamples:%n",
        footer = {
            "  lockkeeper check",
            "  lockkeeper check --config lockkeeper.yaml > effective.yaml",
            "",
            "Exit codes: 0 it can be used; 2 it has mistakes (all of them are told)."
        })
final class CheckCommand implements Callable<Integer> {
    private final Shell shell;

    @Mixin
    private Configuration configuration = new Configuration();

    CheckCommand(Shell shell) {
        this.shell = shell;
    }

    @Override
    public Integer call() {
        Loaded.Good good = configuration.load(shell, Overrides.NONE);
        shell.out().print(good.effective().render());
        good.notes().forEach(shell.err()::println);
        PricesInUse.note(good.settings(), Clock.systemUTC()).forEach(shell.err()::println);
        return 0;
    }
}
