package dev.lockkeeper;

import dev.lockkeeper.admin.AdminClient;
import dev.lockkeeper.admin.Reloaded;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code reload}: makes a running server read its configuration again. */
@Command(
        name = "reload",
        description =
                "Makes the server that runs on a data folder read its configuration again, and prints what changed."
                        + " Calls under way go on as they began. A configuration with mistakes changes nothing.",
        footerHeading = "%nExamples:%n",
        footer = {
            "  lockkeeper reload",
            "  lockkeeper reload --data /var/lib/lockkeeper",
            "",
            "The server reads the file, the command line and the environment that it was started with. --config only",
            "helps to find its data folder here. A server does the same by itself when a file changes (reload.watch),",
            "and when it gets SIGHUP.",
            "",
            "Exit codes: 0 it is in effect; 1 no server runs there, or it can't be asked; 2 the configuration has mistakes."
        })
final class ReloadCommand implements Callable<Integer> {
    private final Shell shell;

    @Mixin
    private DataFolder folder = new DataFolder();

    ReloadCommand(Shell shell) {
        this.shell = shell;
    }

    @Override
    public Integer call() {
        Reloaded reloaded;
        try {
            reloaded = new AdminClient(folder.server(shell)).reload();
        } catch (UncheckedIOException e) {
            Throwable cause = e.getCause();
            throw CommandFailure.failed(String.valueOf((cause == null ? e : cause).getMessage()));
        }
        switch (reloaded) {
            case Reloaded.Followed(List<String> changes, List<String> restart, List<String> notes) -> {
                changes.forEach(shell.out()::println);
                if (changes.isEmpty()) {
                    shell.err().println("Nothing to follow has changed.");
                }
                restart.forEach(shell.err()::println);
                notes.forEach(shell.err()::println);
            }
            case Reloaded.Refused(List<String> mistakes) -> {
                List<String> lines = new ArrayList<>(mistakes);
                lines.add(
                        mistakes.size() == 1
                                ? "The configuration has a mistake; nothing was changed."
                                : "The configuration has " + mistakes.size() + " mistakes; nothing was changed.");
                throw CommandFailure.misused(lines);
            }
            case Reloaded.Failed(String why) -> throw CommandFailure.failed(why);
        }
        return 0;
    }
}
