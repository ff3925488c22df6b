package dev.lockkeeper;

import dev.lockkeeper.admin.Json;
import java.io.PrintWriter;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import tools.jackson.databind.JsonNode;

/** A command that asks the admin API for one thing and shows what it answers. */
abstract class Asking implements Callable<Integer> {
    private final Shell shell;

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Mixin
    private DataFolder folder = new DataFolder();

    @Option(names = "--json", description = "Prints the answer as JSON.")
    private boolean json;

    Asking(Shell shell) {
        this.shell = shell;
    }

    /** Asks; what is refused ends the command. */
    final JsonNode ask(String method, String path, @Nullable JsonNode body) {
        return folder.atDesk(spec, shell, false, method, path, body);
    }

    /** Asks for a list with all its pages. */
    final JsonNode all(String path) {
        return folder.allAtDesk(spec, shell, path);
    }

    /** The same for what makes something, which a folder without database is given one for. */
    final JsonNode make(String path, JsonNode body) {
        return folder.atDesk(spec, shell, true, "POST", path, body);
    }

    /** Shows an answer: as JSON if that is wanted, else by a sentence on standard error. */
    final int told(JsonNode answer, String sentence) {
        if (json) {
            shell.out().println(Json.text(answer));
        } else {
            shell.err().println(sentence);
        }
        return 0;
    }

    /** Shows a secret or an id: the sentence on standard error, it alone on standard output, so that a script may take it. */
    final int shown(JsonNode answer, String sentence, String alone) {
        if (json) {
            shell.out().println(Json.text(answer));
        } else {
            shell.err().println(sentence);
            shell.err().flush();
            shell.out().println(alone);
        }
        return 0;
    }

    /** Shows an answer: as JSON if that is wanted, else as lines. */
    final int showed(JsonNode answer, List<String> lines) {
        if (json) {
            shell.out().println(Json.text(answer));
        } else {
            lines.forEach(shell.out()::println);
        }
        return 0;
    }

    /** Shows a list: as JSON if that is wanted, else as a table. */
    final int listed(JsonNode answer, String none, List<String> columns, Row row) {
        if (json) {
            shell.out().println(Json.text(answer));
        } else if (answer.path("data").isEmpty()) {
            shell.err().println(none);
        } else {
            Table table = new Table(columns);
            answer.path("data").forEach(each -> table.add(row.of(each)));
            table.print(shell.out());
        }
        return 0;
    }

    /** Whether JSON is wanted. */
    final boolean asJson() {
        return json;
    }

    /** Where results go. */
    final PrintWriter out() {
        return shell.out();
    }

    /** Ends the command: what was written in the command line can't be. */
    final ParameterException misused(String why) {
        return new ParameterException(spec.commandLine(), why);
    }

    /** An element of a list as the cells of a table's row. */
    @FunctionalInterface
    interface Row {
        List<String> of(JsonNode element);
    }

    /** A text of an answer; {@code -} for none. */
    static String text(JsonNode answer, String member) {
        JsonNode value = answer.path(member);
        return value.isMissingNode() || value.isNull() || value.asString().isEmpty() ? "-" : value.asString();
    }
}
