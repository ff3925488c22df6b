package dev.lockkeeper;

import dev.lockkeeper.Table.Column;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.JsonNode;

/** {@code project}: makes, changes, closes and deletes projects. */
@Command(
        name = "project",
        description = "Makes, lists, changes, closes, opens, revokes and deletes projects: what is budgeted.",
        synopsisSubcommandLabel = "COMMAND",
        footerHeading = "%nExamples:%n",
        footer = {
            "  lockkeeper project create web --org Acme",
            "  lockkeeper project change web --test-providers cheap,simulator    what its test keys reach",
            "  lockkeeper project change web --regions eu  its calls go nowhere else; --regions alone: anywhere",
            "  lockkeeper project close web                its keys are refused at once, until 'project open web'",
            "  lockkeeper project list --org Acme"
        })
final class ProjectCommand extends Group {
    private static final String KEYS = "Takes, or refuses, a project's keys, at once.";

    /** Where projects are in the admin API. */
    static final Subject PROJECT =
            new Subject("/admin/v1/projects", "PROJECT", "Its id, or its name where only one has it.");

    private ProjectCommand() {}

    static CommandLine line() {
        return new ProjectCommand()
                .with(
                        new Create(),
                        new ListAll(),
                        new Change(),
                        PROJECT.verb("close", KEYS).tells((it, _) -> named(it) + "is closed; its keys are refused."),
                        PROJECT.verb("open", KEYS).tells((it, _) -> named(it) + "is open."),
                        PROJECT.verb("revoke", KEYS)
                                .tells((it, _) -> named(it) + "is revoked; its keys are refused for good."),
                        PROJECT.verb("delete", "Deletes a project that has no keys that work and no money on it.")
                                .by("DELETE", "")
                                .tells((_, id) -> "Project " + id + " is deleted."));
    }

    private static String named(JsonNode project) {
        return "Project " + project.path("name").asString() + " ("
                + project.path("id").asString() + ") ";
    }

    @Command(name = "create", description = "Makes a project.")
    private static final class Create extends Asking {
        @Parameters(paramLabel = "NAME", description = "What to call it.")
        private String name = "";

        @Option(names = "--org", paramLabel = "ORGANIZATION", description = "Who pays: id or name. Default: default.")
        private @Nullable String organization;

        @Option(
                names = "--test-providers",
                split = ",",
                paramLabel = "NAME",
                description = "Providers that its test keys may reach. Default: simulated ones.")
        private List<String> testProviders = new ArrayList<>();

        @Option(
                names = "--regions",
                split = ",",
                paramLabel = "REGION",
                description = "Where its calls may be answered. Default: where its organization's may be.")
        private List<String> regions = new ArrayList<>();

        @Override
        public Integer call() {
            JsonNode made = make(
                    PROJECT.path(),
                    new Wanted()
                            .with("name", name)
                            .with("organization", organization)
                            .with("test_providers", testProviders)
                            .with("regions", regions));
            return told(made, noted(made, named(made) + "is made."));
        }
    }

    @Command(name = "list", description = "Lists all projects, the oldest first.")
    private static final class ListAll extends Asking {
        @Option(names = "--org", paramLabel = "ORGANIZATION", description = "Only those of this one: id or name.")
        private @Nullable String organization;

        @Override
        public Integer call() {
            return listed(
                    all(PROJECT.all().with("organization", organization)),
                    "There are no such projects.",
                    Column.of("ID", "id"),
                    Column.of("NAME", "name"),
                    Column.of("ORGANIZATION", "organization_id"),
                    Column.of("STATE", "state"),
                    Column.of("KEYS", "keys"),
                    Column.list("TEST KEYS REACH", "test_providers", "simulated providers"),
                    Column.list("REGIONS", "regions", "its organization's"),
                    Column.time("CREATED", "created_at"));
        }
    }

    @Command(
            name = "change",
            description =
                    "Renames a project, or changes which providers its test keys reach or where its calls may be answered.")
    private static final class Change extends Asking {
        @Parameters(paramLabel = "PROJECT", description = "Its id, or its name where only one has it.")
        private String project = "";

        @Option(names = "--name", paramLabel = "NAME", description = "What to call it from now on.")
        private @Nullable String name;

        @Option(
                names = "--test-providers",
                split = ",",
                arity = "0..1",
                paramLabel = "NAME",
                description = "Providers that its test keys may reach; none named: simulated ones.")
        private @Nullable List<String> testProviders;

        @Option(
                names = "--regions",
                split = ",",
                arity = "0..1",
                paramLabel = "REGION",
                description = "Where its calls may be answered; none named: where its organization's may be.")
        private @Nullable List<String> regions;

        @Override
        public Integer call() {
            JsonNode changed = ask(
                    "PATCH",
                    PROJECT.at(project),
                    new Wanted()
                            .with("name", name)
                            .with("test_providers", values(testProviders))
                            .with("regions", values(regions)));
            return told(changed, noted(changed, named(changed) + "is changed."));
        }
    }
}
