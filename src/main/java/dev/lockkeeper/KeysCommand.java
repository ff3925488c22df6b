package dev.lockkeeper;

import dev.lockkeeper.access.Tenants;
import dev.lockkeeper.admin.Desk;
import dev.lockkeeper.admin.Json;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** {@code keys}: makes, lists, replaces and ends the keys that clients call with. */
@Command(
        name = "keys",
        description =
                "Makes, lists, replaces and revokes the keys that clients call with. While a server runs on the data"
                        + " folder this goes through it, so that a change counts at once.",
        synopsisSubcommandLabel = "COMMAND",
        footerHeading = "%nExamples:%n",
        footer = {
            "  lockkeeper keys create ci",
            "  lockkeeper keys create search --project search-team --models gpt-5.5,gpt-5.4-mini",
            "  KEY=$(lockkeeper keys create ci)         the key alone goes to standard output",
            "  lockkeeper keys list --json",
            "  lockkeeper keys rotate key_...           a new text; the old one stops at once",
            "  lockkeeper keys revoke key_..."
        })
final class KeysCommand implements Runnable {
    @Spec
    private CommandSpec spec = CommandSpec.create();

    private KeysCommand() {}

    static CommandLine line(Shell shell) {
        return new CommandLine(new KeysCommand())
                .addSubcommand(new Create(shell))
                .addSubcommand(new ListAll(shell))
                .addSubcommand(new Rotate(shell))
                .addSubcommand(new Revoke(shell));
    }

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "Which of create, list, rotate, revoke?");
    }

    private static void show(Shell shell, JsonNode created, boolean json, String what) {
        if (json) {
            shell.out().println(Json.text(created));
            return;
        }
        String project = created.path("project").asString();
        if (created.path("new_project").asBoolean()) {
            shell.err().println("Project " + project + " is new.");
        }
        shell.err()
                .println(what + " " + created.path("name").asString() + " ("
                        + created.path("id").asString() + "), "
                        + created.path("kind").asString() + ", of project " + project
                        + ". Its text is shown this once:");
        shell.err().flush();
        shell.out().println(created.path("key").asString());
    }

    @Command(
            name = "create",
            description = "Makes a key and prints its text, which is shown this once.",
            footer = {"", "Exit codes: 0 made; 1 it could not be made; 2 the command line is wrong."})
    private static final class Create implements Callable<Integer> {
        private final Shell shell;

        @Spec
        private CommandSpec spec = CommandSpec.create();

        @Mixin
        private DataFolder folder = new DataFolder();

        @Parameters(paramLabel = "NAME", description = "What to call it: who or what calls with it.")
        private String name = "";

        @Option(
                names = "--project",
                paramLabel = "NAME",
                description = "The project it belongs to, made if it is new. Default: ${DEFAULT-VALUE}.")
        private String project = Tenants.DEFAULT_PROJECT;

        @Option(names = "--test", description = "A key for trials (lk-test-...) instead of a live one.")
        private boolean test;

        @Option(
                names = "--models",
                split = ",",
                paramLabel = "NAME",
                description = "The models it may ask for, divided by commas. Default: all.")
        private List<String> models = new ArrayList<>();

        @Option(names = "--json", description = "Prints everything about it as JSON.")
        private boolean json;

        Create(Shell shell) {
            this.shell = shell;
        }

        @Override
        public Integer call() {
            ObjectNode wanted =
                    Json.object().put("name", name).put("project", project).put("kind", test ? "test" : "live");
            models.forEach(wanted.putArray("models")::add);
            JsonNode created = folder.atDesk(spec, shell, true, "POST", "/admin/v1/keys", wanted);
            show(shell, created, json, "Key");
            return 0;
        }
    }

    @Command(name = "list", description = "Lists all keys, the oldest first; never their text.")
    private static final class ListAll implements Callable<Integer> {
        private static final String ROW = "%-24s  %-20s  %-16s  %-12s  %-20s  %-20s  %s%n";

        private final Shell shell;

        @Spec
        private CommandSpec spec = CommandSpec.create();

        @Mixin
        private DataFolder folder = new DataFolder();

        @Option(names = "--json", description = "Prints them as JSON.")
        private boolean json;

        ListAll(Shell shell) {
            this.shell = shell;
        }

        @Override
        public Integer call() {
            JsonNode keys = folder.atDesk(spec, shell, false, "GET", "/admin/v1/keys", null);
            if (json) {
                shell.out().println(Json.text(keys));
                return 0;
            }
            if (keys.path("data").isEmpty()) {
                shell.err().println("There are no keys. 'lockkeeper keys create NAME' makes one.");
                return 0;
            }
            shell.out().printf(ROW, "ID", "NAME", "PROJECT", "TEXT", "CREATED", "STATE", "MODELS");
            for (JsonNode key : keys.path("data")) {
                shell.out()
                        .printf(
                                ROW,
                                key.path("id").asString(),
                                key.path("name").asString(),
                                key.path("project").asString(),
                                "lk-" + key.path("kind").asString() + "-…"
                                        + key.path("last4").asString(),
                                Table.time(key.path("created_at")),
                                state(key),
                                Table.list(key.path("models"), "all"));
            }
            return 0;
        }

        private static String state(JsonNode key) {
            if (key.path("revoked_at").isString()) {
                return "revoked";
            }
            return key.path("replaced_at").isString() ? "works, replaced" : "works";
        }
    }

    /** What names a key that there is, and how to tell of it. */
    private static final class Existing {
        @Mixin
        private DataFolder folder = new DataFolder();

        @Parameters(paramLabel = "ID", description = "Its id, key_...")
        private String id = "";

        @Option(names = "--json", description = "Prints everything about it as JSON.")
        private boolean json;
    }

    @Command(
            name = "rotate",
            description =
                    "Gives a key a new text and prints it; the old one stops working at once. Its id, name, project"
                            + " and models stay.",
            footer = {"", "Exit codes: 0 replaced; 1 there is no such key; 2 the command line is wrong."})
    private static final class Rotate implements Callable<Integer> {
        private final Shell shell;

        @Spec
        private CommandSpec spec = CommandSpec.create();

        @Mixin
        private Existing key = new Existing();

        Rotate(Shell shell) {
            this.shell = shell;
        }

        @Override
        public Integer call() {
            JsonNode created = key.folder.atDesk(
                    spec, shell, false, "POST", "/admin/v1/keys/" + Desk.escaped(key.id) + "/rotate", null);
            show(shell, created, key.json, "New text for key");
            return 0;
        }
    }

    @Command(
            name = "revoke",
            description = "Ends a key for good; it stops working at once.",
            footer = {"", "Exit codes: 0 revoked; 1 there is no such key; 2 the command line is wrong."})
    private static final class Revoke implements Callable<Integer> {
        private final Shell shell;

        @Spec
        private CommandSpec spec = CommandSpec.create();

        @Mixin
        private Existing key = new Existing();

        Revoke(Shell shell) {
            this.shell = shell;
        }

        @Override
        public Integer call() {
            JsonNode ended = key.folder.atDesk(
                    spec, shell, false, "POST", "/admin/v1/keys/" + Desk.escaped(key.id) + "/revoke", null);
            if (key.json) {
                shell.out().println(Json.text(ended));
            } else {
                shell.err()
                        .println("Key " + ended.path("name").asString() + " ("
                                + ended.path("id").asString() + ") is revoked.");
            }
            return 0;
        }
    }
}
