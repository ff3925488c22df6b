package dev.lockkeeper;

import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** A command that does nothing itself: it is the name under which others stand. */
abstract class Group implements Runnable {
    @Spec
    private CommandSpec spec = CommandSpec.create();

    /** With the commands that stand under it, in the order in which help lists them. */
    final CommandLine with(Object... commands) {
        CommandLine line = new CommandLine(this);
        for (Object each : commands) {
            line.addSubcommand(each);
        }
        return line;
    }

    @Override
    public final void run() {
        throw new ParameterException(
                spec.commandLine(),
                "Which of " + String.join(", ", spec.subcommands().keySet()) + "?");
    }
}
