package dev.lockkeeper;

import java.io.Console;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.util.Optional;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The process: reads the command line and runs one command. */
@Command(
        name = "lockkeeper",
        description = "A gateway between applications and language models.",
        synopsisSubcommandLabel = "COMMAND",
        footerHeading = "%nA first call:%n",
        footer = {
            "  lockkeeper serve                 starts on http://127.0.0.1:8080 and prints a key",
            "  curl http://127.0.0.1:8080/v1/chat/completions -H \"Authorization: Bearer lk-live-...\" \\",
            "    -d '{\"model\":\"gpt-5.5\",\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]}' \\",
            "    -H \"Content-Type: application/json\"",
            "",
            "Exit codes: 0 done; 1 it could not be done; 2 the command line or the configuration is wrong.",
            "'lockkeeper COMMAND --help' tells more."
        })
public final class Main implements Runnable {
    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Option(
            names = {"-h", "--help"},
            usageHelp = true,
            scope = CommandLine.ScopeType.INHERIT,
            description = "Shows this help.")
    @SuppressWarnings("UnusedVariable") // Read by picocli.
    private boolean help;

    @Option(
            names = "--verbose",
            scope = CommandLine.ScopeType.INHERIT,
            description = "Tells which options the launcher chose for the JVM, and why.")
    @SuppressWarnings("UnusedVariable") // The launcher's; here so that it is known.
    private boolean verbose;

    private final Shell shell;

    private Main(Shell shell) {
        this.shell = shell;
    }

    /** What the command that is run has around it. */
    Shell shell() {
        return shell;
    }

    /** Runs the command that the arguments name and ends the process with its exit code. */
    public static void main(String[] args) {
        PrintWriter out = new PrintWriter(System.out, true, StandardCharsets.UTF_8);
        PrintWriter err = new PrintWriter(System.err, true, StandardCharsets.UTF_8);
        boolean terminal = Optional.ofNullable(System.console())
                .filter(Console::isTerminal)
                .isPresent();
        boolean colours = terminal && !System.getenv().containsKey("NO_COLOR");
        System.exit(run(new Shell(System.getenv(), out, err, colours), args));
    }

    /** Runs a command and returns its exit code. */
    static int run(Shell shell, String... args) {
        ServeCommand plain = ServeCommand.plainly(shell, args);
        int code = plain == null ? parsed(shell, args) : served(shell, plain);
        shell.out().flush();
        shell.err().flush();
        return code;
    }

    private static int served(Shell shell, ServeCommand serve) {
        try {
            return serve.call();
        } catch (RuntimeException e) {
            return failed(shell, e);
        }
    }

    private static int parsed(Shell shell, String... args) {
        CommandLine line = new CommandLine(new Main(shell))
                .addSubcommand(new ServeCommand(shell))
                .addSubcommand(new CheckCommand(shell))
                .addSubcommand(OrgCommand.line())
                .addSubcommand(ProjectCommand.line())
                .addSubcommand(KeysCommand.line())
                .addSubcommand(PeopleCommand.line())
                .addSubcommand(TokensCommand.line())
                .addSubcommand(AuditCommand.line())
                .addSubcommand(LimitsCommand.line())
                .addSubcommand(FlagsCommand.line())
                .addSubcommand(UsageCommand.line())
                .addSubcommand(BudgetsCommand.line())
                .addSubcommand(PricesCommand.line(shell, Clock.systemUTC()))
                .addSubcommand(new RouteCommand(shell))
                .addSubcommand(new ProvidersCommand())
                .addSubcommand(new ReloadCommand(shell))
                .addSubcommand(new BackupCommand(shell))
                .addSubcommand(new RestoreCommand(shell))
                .addSubcommand(new DoctorCommand(shell))
                .addSubcommand(new HealthCommand(shell))
                .addSubcommand(new SimulateCommand(shell))
                .addSubcommand(new TrainCommand(shell))
                .addSubcommand(new VersionCommand(shell));
        line.setOut(shell.out());
        line.setErr(shell.err());
        line.setColorScheme(CommandLine.Help.defaultColorScheme(shell.colours() ? Ansi.ON : Ansi.OFF));
        line.setUsageHelpWidth(100);
        line.setUsageHelpAutoWidth(false);
        line.setAbbreviatedOptionsAllowed(false);
        line.setCaseInsensitiveEnumValuesAllowed(true);
        line.setExecutionExceptionHandler((e, _, _) -> failed(shell, e));
        return line.execute(args);
    }

    private static int failed(Shell shell, Exception e) {
        if (e instanceof CommandFailure failure) {
            failure.lines().forEach(shell.err()::println);
            return failure.code();
        }
        shell.err().println("This should not have happened; what follows helps whoever mends it:");
        e.printStackTrace(shell.err());
        return CommandFailure.FAILED;
    }

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "Which command?");
    }
}
