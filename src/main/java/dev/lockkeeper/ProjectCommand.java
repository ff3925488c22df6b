package dev.lockkeeper;

import dev.lockkeeper.admin.Desk;
import dev.lockkeeper.admin.Json;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** {@code project}: makes, changes, closes and deletes projects. */
@Command(
        name = "project",
        description = "Makes, lists, changes, closes, opens, revokes and deletes projects: what is budgeted.",
        synopsisSubcommandLabel = "COMMAND",
        footerHeading = "%nExamples:%n",
        footer = {
            "  lockkeeper project create web --org Acme",
            "  lockkeeper project change web --test-providers cheap,simulator    what its test keys reach",
            "  lockkeeper project close web                its keys are refused at once, until 'project open web'",
            "  lockkeeper project list --org Acme"
        })
final class ProjectCommand implements Runnable {
    private static final String AT = "/admin/v1/projects";

    @Spec
    private CommandSpec spec = CommandSpec.create();

    private ProjectCommand() {}

    static CommandLine line(Shell shell) {
        return new CommandLine(new ProjectCommand())
                .addSubcommand(new Create(shell))
                .addSubcommand(new ListAll(shell))
                .addSubcommand(new Change(shell))
                .addSubcommand("close", new Become(shell, "close", "is closed; its keys are refused"))
                .addSubcommand("open", new Become(shell, "open", "is open"))
                .addSubcommand("revoke", new Become(shell, "revoke", "is revoked; its keys are refused for good"))
                .addSubcommand(new Delete(shell));
    }

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "Which of create, list, change, close, open, revoke, delete?");
    }

    private static String at(String project) {
        return AT + "/" + Desk.escaped(project);
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

        Create(Shell shell) {
            super(shell);
        }

        @Override
        public Integer call() {
            ObjectNode wanted = Json.object().put("name", name);
            if (organization != null) {
                wanted.put("organization", organization);
            }
            testProviders.forEach(wanted.putArray("test_providers")::add);
            JsonNode made = make(AT, wanted);
            return told(made, named(made) + "is made.");
        }
    }

    @Command(name = "list", description = "Lists all projects, the oldest first.")
    private static final class ListAll extends Asking {
        @Option(names = "--org", paramLabel = "ORGANIZATION", description = "Only those of this one: id or name.")
        private @Nullable String organization;

        ListAll(Shell shell) {
            super(shell);
        }

        @Override
        public Integer call() {
            String only = organization == null ? "" : "?organization=" + Desk.escaped(organization);
            return listed(
                    all(AT + only),
                    "There are no such projects.",
                    List.of("ID", "NAME", "ORGANIZATION", "STATE", "KEYS", "TEST KEYS REACH", "CREATED"),
                    each -> List.of(
                            text(each, "id"),
                            text(each, "name"),
                            text(each, "organization_id"),
                            text(each, "state"),
                            text(each, "keys"),
                            Table.list(each.path("test_providers"), "simulated providers"),
                            Table.time(each.path("created_at"))));
        }
    }

    @Command(name = "change", description = "Renames a project or changes which providers its test keys reach.")
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

        Change(Shell shell) {
            super(shell);
        }

        @Override
        public Integer call() {
            ObjectNode wanted = Json.object();
            if (name != null) {
                wanted.put("name", name);
            }
            if (testProviders != null) {
                testProviders.stream().filter(each -> !each.isEmpty()).forEach(wanted.putArray("test_providers")::add);
            }
            JsonNode changed = ask("PATCH", at(project), wanted);
            return told(changed, named(changed) + "is changed.");
        }
    }

    @Command(description = "Takes, or refuses, a project's keys, at once.")
    private static final class Become extends Asking {
        private final String verb;
        private final String done;

        @Parameters(paramLabel = "PROJECT", description = "Its id, or its name where only one has it.")
        private String project = "";

        Become(Shell shell, String verb, String done) {
            super(shell);
            this.verb = verb;
            this.done = done;
        }

        @Override
        public Integer call() {
            JsonNode changed = ask("POST", at(project) + "/" + verb, null);
            return told(changed, named(changed) + done + ".");
        }
    }

    @Command(name = "delete", description = "Deletes a project that has no keys that work and no money on it.")
    private static final class Delete extends Asking {
        @Parameters(paramLabel = "PROJECT", description = "Its id, or its name where only one has it.")
        private String project = "";

        Delete(Shell shell) {
            super(shell);
        }

        @Override
        public Integer call() {
            return told(ask("DELETE", at(project), null), "Project " + project + " is deleted.");
        }
    }
}
