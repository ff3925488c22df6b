package dev.lockkeeper;

import dev.lockkeeper.access.Tenants;
import dev.lockkeeper.admin.Desk;
import dev.lockkeeper.admin.Json;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;
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

/** {@code keys}: makes, lists, changes, replaces and ends the keys that clients call with. */
@Command(
        name = "keys",
        description =
                "Makes, lists, changes, replaces and revokes the keys that clients call with. While a server runs on the"
                        + " data folder this goes through it, so that a change counts at once.",
        synopsisSubcommandLabel = "COMMAND",
        footerHeading = "%nExamples:%n",
        footer = {
            "  lockkeeper keys create ci",
            "  lockkeeper keys create search --project search-team --models gpt-5.5,gpt-5.4-mini",
            "  lockkeeper keys create nightly --expires 90d --networks 10.0.0.0/8 --tools none",
            "  KEY=$(lockkeeper keys create ci)         the key alone goes to standard output",
            "  lockkeeper keys list --json",
            "  lockkeeper keys change key_... --networks 192.0.2.0/24",
            "  lockkeeper keys rotate key_...           a new text; the old one stops at once",
            "  lockkeeper keys rotate key_... --overlap 10m    or after ten minutes",
            "  lockkeeper keys revoke key_..."
        })
final class KeysCommand implements Runnable {
    private static final String AT = "/admin/v1/keys";

    @Spec
    private CommandSpec spec = CommandSpec.create();

    private KeysCommand() {}

    static CommandLine line(Shell shell) {
        return new CommandLine(new KeysCommand())
                .addSubcommand(new Create(shell))
                .addSubcommand(new ListAll(shell))
                .addSubcommand(new Change(shell))
                .addSubcommand(new Rotate(shell))
                .addSubcommand(new Revoke(shell));
    }

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "Which of create, list, change, rotate, revoke?");
    }

    private static String at(String id) {
        return AT + "/" + Desk.escaped(id);
    }

    private static String named(JsonNode created, String what) {
        String project = created.path("project").asString();
        return (created.path("new_project").asBoolean() ? "Project " + project + " is new.\n" : "") + what + " "
                + created.path("name").asString() + " (" + created.path("id").asString() + "), "
                + created.path("kind").asString() + ", of project " + project + ". Its text is shown this once:";
    }

    /** What a key may. Of an option that is left out nothing is said to the admin API; one without value means the default. */
    private static final class Terms {
        /** Stands for no value: an empty one is more likely a variable that was not set, and must not unbind a key. */
        private static final String NO_VALUE = "*";

        @Option(
                names = "--models",
                split = ",",
                arity = "0..1",
                fallbackValue = NO_VALUE,
                paramLabel = "NAME",
                description = "The models it may ask for, divided by commas. Default: all.")
        private @Nullable List<String> models;

        @Option(
                names = "--tools",
                split = ",",
                arity = "0..1",
                fallbackValue = NO_VALUE,
                paramLabel = "NAME",
                description = "Tools at the provider that it may ask for: all, none, or names such as web_search,"
                        + " divided by commas. Default: all.")
        private @Nullable List<String> tools;

        @Option(
                names = "--networks",
                split = ",",
                arity = "0..1",
                fallbackValue = NO_VALUE,
                paramLabel = "RANGE",
                description = "Where it may be used from: addresses and ranges such as 10.0.0.0/8, divided by commas."
                        + " Default: anywhere.")
        private @Nullable List<String> networks;

        @Option(
                names = "--environment",
                arity = "0..1",
                paramLabel = "LABEL",
                description = "A label of your own, such as staging. Default: none.")
        private @Nullable String environment;

        @Option(
                names = "--expires",
                paramLabel = "TIME",
                description = "When it stops working: 2026-12-31, a full time, 90d from now, or never. Default: never.")
        private @Nullable String expires;

        void into(ObjectNode json) {
            put(json, "models", models);
            put(json, "tools", tools);
            put(json, "networks", networks);
            if (environment != null) {
                json.put("environment", environment);
            }
            if (expires != null) {
                json.put(
                        "expires_at",
                        expires.equals("never")
                                ? null
                                : Written.moment(
                                        "--expires", expires, Clock.systemUTC().instant()));
            }
        }

        private static void put(ObjectNode json, String member, @Nullable List<String> texts) {
            if (texts == null) {
                return;
            }
            List<String> named = texts.stream().filter(each -> !each.isBlank()).toList();
            if (named.isEmpty()) {
                throw Written.refused(
                        "--" + member, "is empty", "some, divided by commas; without a value it bounds nothing");
            }
            if (named.equals(List.of(NO_VALUE))) {
                json.putNull(member);
            } else {
                named.forEach(json.putArray(member)::add);
            }
        }
    }

    @Command(
            name = "create",
            description = "Makes a key and prints its text, which is shown this once.",
            footer = {"", "Exit codes: 0 made; 1 it could not be made; 2 the command line is wrong."})
    private static final class Create extends Asking {
        @Parameters(paramLabel = "NAME", description = "What to call it: who or what calls with it.")
        private String name = "";

        @Option(
                names = "--project",
                paramLabel = "NAME",
                description = "The project it belongs to, made if it is new. Default: ${DEFAULT-VALUE}.")
        private String project = Tenants.DEFAULT_PROJECT;

        @Option(
                names = "--org",
                paramLabel = "ORGANIZATION",
                description = "The project's organization: id or name. Default: default.")
        private @Nullable String organization;

        @Option(
                names = "--test",
                description = "A key for trials (lk-test-...): it reaches simulated providers, or what its project"
                        + " names.")
        private boolean test;

        @Mixin
        private Terms terms = new Terms();

        Create(Shell shell) {
            super(shell);
        }

        @Override
        public Integer call() {
            ObjectNode wanted =
                    Json.object().put("name", name).put("project", project).put("kind", test ? "test" : "live");
            if (organization != null) {
                wanted.put("organization", organization);
            }
            terms.into(wanted);
            JsonNode created = make(AT, wanted);
            return shown(created, named(created, "Key"), text(created, "key"));
        }
    }

    @Command(name = "list", description = "Lists all keys, the oldest first; never their text.")
    private static final class ListAll extends Asking {
        @Option(names = "--project", paramLabel = "PROJECT", description = "Only those of this one: id or name.")
        private @Nullable String project;

        @Option(names = "--org", paramLabel = "ORGANIZATION", description = "Only those of this one: id or name.")
        private @Nullable String organization;

        ListAll(Shell shell) {
            super(shell);
        }

        @Override
        public Integer call() {
            return listed(
                    all(new Query()
                            .put("project", project)
                            .put("organization", organization)
                            .behind(AT)),
                    "There are no keys. 'lockkeeper keys create NAME' makes one.",
                    List.of(
                            "ID",
                            "NAME",
                            "PROJECT",
                            "TEXT",
                            "ENVIRONMENT",
                            "CREATED",
                            "LAST USED",
                            "EXPIRES",
                            "STATE",
                            "MODELS"),
                    each -> List.of(
                            text(each, "id"),
                            text(each, "name"),
                            text(each, "project"),
                            "lk-" + text(each, "kind") + "-…" + text(each, "last4"),
                            text(each, "environment"),
                            Table.time(each.path("created_at")),
                            Table.time(each.path("last_used_at")),
                            Table.time(each.path("expires_at")),
                            state(each),
                            Table.list(each.path("models"), "all")));
        }

        private static String state(JsonNode key) {
            if (key.path("revoked_at").isString()) {
                return "revoked";
            }
            if (key.path("expires_at").isString()
                    && !Instant.parse(key.path("expires_at").asString())
                            .isAfter(Clock.systemUTC().instant())) {
                return "expired";
            }
            return key.path("replaced_at").isString() ? "works, replaced" : "works";
        }
    }

    @Command(
            name = "change",
            description = "Changes what a key is called and may, at once. What is left out stays; an option without a"
                    + " value takes the bound away.")
    private static final class Change extends Asking {
        @Parameters(paramLabel = "ID", description = "Its id, key_...")
        private String id = "";

        @Option(names = "--name", paramLabel = "NAME", description = "What to call it from now on.")
        private @Nullable String name;

        @Mixin
        private Terms terms = new Terms();

        Change(Shell shell) {
            super(shell);
        }

        @Override
        public Integer call() {
            ObjectNode wanted = Json.object();
            if (name != null) {
                wanted.put("name", name);
            }
            terms.into(wanted);
            JsonNode changed = ask("PATCH", at(id), wanted);
            return told(changed, "Key " + text(changed, "name") + " (" + id + ") is changed.");
        }
    }

    @Command(
            name = "rotate",
            description =
                    "Gives a key a new text and prints it; the old one stops working, at once or after an overlap. Its"
                            + " id, name, project and bounds stay.",
            footer = {"", "Exit codes: 0 replaced; 1 there is no such key; 2 the command line is wrong."})
    private static final class Rotate extends Asking {
        @Parameters(paramLabel = "ID", description = "Its id, key_...")
        private String id = "";

        @Option(
                names = "--overlap",
                paramLabel = "TIME",
                description = "How long the old text works beside the new one, such as 10m; up to 7d. Default: 0s.")
        private String overlap = "0s";

        Rotate(Shell shell) {
            super(shell);
        }

        @Override
        public Integer call() {
            ObjectNode wanted = Json.object();
            Written.putSeconds(wanted, "overlap_seconds", "--overlap", overlap);
            JsonNode renewed = ask("POST", at(id) + "/rotate", wanted);
            return shown(renewed, named(renewed, "New text for key"), text(renewed, "key"));
        }
    }

    @Command(
            name = "revoke",
            description = "Ends a key for good; it stops working at once.",
            footer = {"", "Exit codes: 0 revoked; 1 there is no such key; 2 the command line is wrong."})
    private static final class Revoke extends Asking {
        @Parameters(paramLabel = "ID", description = "Its id, key_...")
        private String id = "";

        Revoke(Shell shell) {
            super(shell);
        }

        @Override
        public Integer call() {
            JsonNode revoked = ask("POST", at(id) + "/revoke", null);
            return told(revoked, "Key " + text(revoked, "name") + " (" + id + ") is revoked.");
        }
    }
}
