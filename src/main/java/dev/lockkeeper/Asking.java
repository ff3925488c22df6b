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
    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Mixin
    private DataFolder folder = new DataFolder();

    @Option(names = "--json", description = "Prints the answer as JSON.")
    private boolean json;

    private Shell shell() {
        return ((Main) spec.root().userObject()).shell();
    }

    /** Asks for what is there; what is refused ends the command, here and below. */
    final JsonNode get(String path) {
        return ask("GET", path, null);
    }

    /** The same with what is asked of it. */
    final JsonNode get(Query query) {
        return ask("GET", query.toString(), null);
    }

    /** Asks for a list with all its pages. */
    final JsonNode all(Query query) {
        return folder.allAtDesk(spec, shell(), query.toString());
    }

    /** Asks for a change; null: with nothing but its path. */
    final JsonNode ask(String method, String path, @Nullable Wanted wanted) {
        return folder.atDesk(spec, shell(), false, method, path, wanted == null ? null : wanted.json());
    }

    /** Asks the server that runs on the folder for what it alone knows; where none runs, that ends the command. */
    final JsonNode ofServer(String path) {
        return folder.atServer(spec, shell(), path);
    }

    /** Asks for something new, which a folder without database is given one for. */
    final JsonNode make(String path, Wanted wanted) {
        return folder.atDesk(spec, shell(), true, "POST", path, wanted.json());
    }

    /** Shows an answer: as JSON if that is wanted, else by a sentence on standard error. */
    final int told(JsonNode answer, String sentence) {
        return show(answer, () -> shell().err().println(sentence));
    }

    /** Shows a secret or an id: the sentence on standard error, it alone on standard output, so that a script may take it. */
    final int shown(JsonNode answer, String sentence, String alone) {
        return show(answer, () -> {
            shell().err().println(sentence);
            shell().err().flush();
            out().println(alone);
        });
    }

    /** Shows an answer: as JSON if that is wanted, else as lines. */
    final int showed(JsonNode answer, List<String> lines) {
        return show(answer, () -> lines.forEach(out()::println));
    }

    /** Shows a list: as JSON if that is wanted, else as a table. */
    final int listed(JsonNode answer, String none, Table.Column... columns) {
        return listed(answer, none, Table.of(answer.path("data"), columns));
    }

    /** The same with a table that has other lines than one for each. */
    final int listed(JsonNode answer, String none, Table table) {
        return show(answer, () -> {
            if (answer.path("data").isEmpty()) {
                shell().err().println(none);
            } else {
                table.print(out());
            }
        });
    }

    private int show(JsonNode answer, Runnable otherwise) {
        if (json) {
            out().println(Json.text(answer));
        } else {
            otherwise.run();
        }
        return 0;
    }

    /** Whether JSON is wanted. */
    final boolean asJson() {
        return json;
    }

    /** Where results go. */
    final PrintWriter out() {
        return shell().out();
    }

    /** Ends the command: what was written in the command line can't be. */
    final ParameterException misused(String why) {
        return new ParameterException(spec.commandLine(), why);
    }

    /** The values of an option that may stand without any; null where it is left out. */
    static @Nullable List<String> values(@Nullable List<String> given) {
        return given == null
                ? null
                : given.stream().filter(each -> !each.isEmpty()).toList();
    }

    /** A sentence, and a line for each of an answer's notes. */
    static String noted(JsonNode answer, String sentence) {
        StringBuilder lines = new StringBuilder(sentence);
        answer.path("notes")
                .forEach(note -> lines.append(System.lineSeparator())
                        .append("Note: ")
                        .append(note.asString())
                        .append('.'));
        return lines.toString();
    }

    /** A text of an answer; {@code -} for none. */
    static String text(JsonNode answer, String member) {
        return Table.text(answer.path(member));
    }
}
