package dev.lockkeeper;

import dev.lockkeeper.Table.Column;
import dev.lockkeeper.access.Tenants;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.JsonNode;

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
final class KeysCommand extends Group {
    private static final Subject KEY = new Subject("/admin/v1/keys", "ID", "Its id, key_...");

    private KeysCommand() {}

    static CommandLine line() {
        return new KeysCommand()
                .with(
                        new Create(),
                        new ListAll(),
                        new Change(),
                        new Rotate(),
                        KEY.verb("revoke", "Ends a key for good; it stops working at once.")
                                .exits("Exit codes: 0 revoked; 1 there is no such key; 2 the command line is wrong.")
                                .tells((key, id) -> "Key " + Asking.text(key, "name") + " (" + id + ") is revoked."));
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

        Wanted into(Wanted wanted) {
            put(wanted, "models", models);
            put(wanted, "tools", tools);
            put(wanted, "networks", networks);
            wanted.with("environment", environment);
            if (expires == null) {
                return wanted;
            }
            return expires.equals("never")
                    ? wanted.without("expires_at")
                    : wanted.with("expires_at", Written.moment("--expires", expires));
        }

        private static void put(Wanted wanted, String member, @Nullable List<String> texts) {
            if (texts == null) {
                return;
            }
            List<String> named = texts.stream().filter(each -> !each.isBlank()).toList();
            if (named.isEmpty()) {
                throw Written.refused(
                        "--" + member, "is empty", "some, divided by commas; without a value it bounds nothing");
            }
            Wanted _ = named.equals(List.of(NO_VALUE)) ? wanted.without(member) : wanted.with(member, named);
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

        @Override
        public Integer call() {
            Wanted wanted = new Wanted()
                    .with("name", name)
                    .with("project", project)
                    .with("kind", test ? "test" : "live")
                    .with("organization", organization);
            JsonNode created = make(KEY.path(), terms.into(wanted));
            return shown(created, named(created, "Key"), text(created, "key"));
        }
    }

    @Command(name = "list", description = "Lists all keys, the oldest first; never their text.")
    private static final class ListAll extends Asking {
        @Option(names = "--project", paramLabel = "PROJECT", description = "Only those of this one: id or name.")
        private @Nullable String project;

        @Option(names = "--org", paramLabel = "ORGANIZATION", description = "Only those of this one: id or name.")
        private @Nullable String organization;

        @Override
        public Integer call() {
            return listed(
                    all(KEY.all().with("project", project).with("organization", organization)),
                    "There are no keys. 'lockkeeper keys create NAME' makes one.",
                    Column.of("ID", "id"),
                    Column.of("NAME", "name"),
                    Column.of("PROJECT", "project"),
                    new Column("TEXT", each -> "lk-" + text(each, "kind") + "-…" + text(each, "last4")),
                    Column.of("ENVIRONMENT", "environment"),
                    Column.time("CREATED", "created_at"),
                    Column.time("LAST USED", "last_used_at"),
                    Column.time("EXPIRES", "expires_at"),
                    new Column("STATE", each -> state(each)),
                    Column.list("MODELS", "models", "all"));
        }

        private static String state(JsonNode key) {
            String state = text(key, "state").replace('_', ' ');
            return state.equals("works") && key.path("replaced_at").isString() ? "works, replaced" : state;
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

        @Override
        public Integer call() {
            JsonNode changed = ask("PATCH", KEY.at(id), terms.into(new Wanted().with("name", name)));
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

        @Override
        public Integer call() {
            JsonNode renewed = ask(
                    "POST",
                    KEY.at(id) + "/rotate",
                    new Wanted().with("overlap_seconds", Written.seconds("--overlap", overlap)));
            return shown(renewed, named(renewed, "New text for key"), text(renewed, "key"));
        }
    }
}
