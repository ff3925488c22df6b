package dev.lockkeeper;

import dev.lockkeeper.admin.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/** {@code route}: tells where a call would go. */
@Command(
        name = "route",
        description =
                "Tells where a call would go and why, without making it: the case of the model that serves it, the"
                        + " targets in the order in which they would be tried, and why the others are left out.",
        footerHeading = "%nExamples:%n",
        footer = {
            "  lockkeeper route --model auto --file call.json",
            "  lockkeeper route --model auto --complexity critical",
            "  lockkeeper route --file call.json --key key_... --json",
            "  lockkeeper route --model auto --config next.yaml --offline --region eu",
            "",
            "If a server runs on the data folder it is asked: it knows its keys, its flags and how targets are doing.",
            "Otherwise, and with --offline, the configuration alone is read.",
            "",
            "Exit codes: 0 there is a target; 1 there is none, or the server can't be asked; 2 the command line, the call or",
            "the configuration is wrong."
        })
final class RouteCommand implements Callable<Integer> {
    private final Shell shell;

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Mixin
    private DataFolder folder = new DataFolder();

    @Option(names = "--model", paramLabel = "MODEL", description = "Whom it asks for. Default: as the call says.")
    private @Nullable String model;

    @Option(names = "--file", paramLabel = "FILE", description = "The call's body, JSON as it would be sent.")
    private @Nullable Path file;

    @Option(
            names = "--endpoint",
            paramLabel = "PATH",
            description = "Where it is made. Default: /v1/responses if it has 'input', else /v1/chat/completions.")
    private @Nullable String endpoint;

    @Option(names = "--complexity", paramLabel = "LABEL", description = "As x-lockkeeper-complexity.")
    private @Nullable String complexity;

    @Option(names = "--accuracy", paramLabel = "LABEL", description = "As x-lockkeeper-accuracy.")
    private @Nullable String accuracy;

    @Option(names = "--sensitivity", paramLabel = "LABEL", description = "As x-lockkeeper-sensitivity.")
    private @Nullable String sensitivity;

    @Option(names = "--tag", paramLabel = "TAG", description = "As x-lockkeeper-tag.")
    private @Nullable String tag;

    @Option(names = "--key", paramLabel = "ID", description = "Id of the key that makes it; a running server knows it.")
    private @Nullable String key;

    @Option(names = "--organization", paramLabel = "ID", description = "Who pays.")
    private @Nullable String organization;

    @Option(names = "--project", paramLabel = "ID", description = "The project's id or name.")
    private @Nullable String project;

    @Option(names = "--environment", paramLabel = "NAME", description = "The key's environment.")
    private @Nullable String environment;

    @Option(names = "--test", description = "With a test key.")
    private boolean test;

    @Option(
            names = "--region",
            paramLabel = "REGION",
            description = "A region that it is bound to; may stand several times.")
    private @Nullable List<String> regions;

    @Option(names = "--end-user", paramLabel = "NAME", description = "The person behind it.")
    private @Nullable String endUser;

    @Option(
            names = "--input-tokens",
            paramLabel = "N",
            description = "Tokens of its prompt. Default: as they are reckoned.")
    private @Nullable Long inputTokens;

    @Option(names = "--offline", description = "Reads the configuration alone, even if a server runs.")
    private boolean offline;

    @Option(names = "--json", description = "Prints the answer as JSON.")
    private boolean json;

    RouteCommand(Shell shell) {
        this.shell = shell;
    }

    @Override
    public Integer call() {
        Wanted wanted = new Wanted()
                .with("model", model)
                .with("endpoint", endpoint)
                .with("call", file == null ? null : read(file))
                .with("complexity", complexity)
                .with("accuracy", accuracy)
                .with("sensitivity", sensitivity)
                .with("tag", tag)
                .with("key", key)
                .with("organization", organization)
                .with("project", project)
                .with("project_name", project)
                .with("environment", environment)
                .with("regions", regions)
                .with("end_user", endUser)
                .with("input_tokens", inputTokens);
        if (test) {
            wanted.with("test", true);
        }
        JsonNode route = folder.route(spec, shell, offline, wanted.json());
        if (json) {
            shell.out().println(Json.text(route));
        } else {
            show(route);
        }
        return route.path("targets").path(0).has("place") ? 0 : CommandFailure.FAILED;
    }

    private static JsonNode read(Path file) {
        try {
            return Json.read(Files.readString(file));
        } catch (IOException e) {
            throw CommandFailure.misused(List.of("--file: " + file + " can't be read: " + e.getMessage()));
        } catch (JacksonException e) {
            throw CommandFailure.misused(List.of("--file: " + file + " is not JSON: " + e.getOriginalMessage()));
        }
    }

    private void show(JsonNode route) {
        shell.out()
                .println("model " + route.path("model").asString() + ", about "
                        + route.path("input_tokens").asLong() + " tokens of input");
        for (JsonNode each : route.path("cases")) {
            String name = each.path("name").asString();
            if (!name.isEmpty()) {
                shell.out()
                        .println((each.path("holds").asBoolean() ? "case " : "not  ")
                                + each.path("model").asString() + "." + name + ": "
                                + each.path("why").asString());
            }
        }
        shell.out().println();
        Table tried = new Table(List.of("", "TARGET", "RANK", "WHY"));
        for (JsonNode each : route.path("targets")) {
            boolean stands = each.has("place");
            List<String> row = new ArrayList<>();
            row.add(stands ? each.path("place").asString() : "-");
            row.add(each.path("target").asString());
            row.add(
                    stands
                            ? each.path("of").asString() + " "
                                    + each.path("rank").asString()
                            : "left out");
            row.add(each.path("why").asString());
            tried.add(row);
        }
        tried.print(shell.out());
        if (!route.path("targets").path(0).has("place")) {
            shell.out().flush();
            shell.err().println("Nobody can serve this call now.");
        }
    }
}
