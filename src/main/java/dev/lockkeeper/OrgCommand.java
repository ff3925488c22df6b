package dev.lockkeeper;

import dev.lockkeeper.Table.Column;
import dev.lockkeeper.access.Tenants;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.JsonNode;

/** {@code org}: makes, changes, closes and deletes organizations. */
@Command(
        name = "org",
        description = "Makes, lists, changes, closes, opens, revokes and deletes organizations: who pays.",
        synopsisSubcommandLabel = "COMMAND",
        footerHeading = "%nExamples:%n",
        footer = {
            "  lockkeeper org create Acme --markup 2.5     statements add 2.5%%",
            "  lockkeeper org close Acme                   its keys are refused at once, until 'org open Acme'",
            "  lockkeeper org revoke Acme                  the same for good",
            "  lockkeeper org list --json"
        })
final class OrgCommand extends Group {
    private static final String KEYS = "Takes, or refuses, an organization's keys, at once.";

    private static final Subject ORGANIZATION =
            new Subject("/admin/v1/organizations", "ORGANIZATION", "Its id or name.");

    private OrgCommand() {}

    static CommandLine line() {
        return new OrgCommand()
                .with(
                        new Create(),
                        new ListAll(),
                        new Change(),
                        ORGANIZATION
                                .verb("close", KEYS)
                                .tells((it, _) -> named(it) + "is closed; its keys are refused."),
                        ORGANIZATION.verb("open", KEYS).tells((it, _) -> named(it) + "is open."),
                        ORGANIZATION
                                .verb("revoke", KEYS)
                                .tells((it, _) -> named(it) + "is revoked; its keys are refused for good."),
                        ORGANIZATION
                                .verb("delete", "Deletes an organization that has no projects and no money on it.")
                                .by("DELETE", "")
                                .tells((_, id) -> "Organization " + id + " is deleted."));
    }

    /** Percent as written, such as {@code 2.5} or {@code -10}, in hundredths of one. */
    private static @Nullable Long basisPoints(@Nullable String percent) {
        if (percent == null) {
            return null;
        }
        if (!percent.matches("-?\\d{1,4}(\\.\\d{1,2})?")) {
            throw Written.refused("--markup", percent, "percent with at most 2 decimals, such as 2.5 or -10");
        }
        long basisPoints = new BigDecimal(percent).movePointRight(2).longValueExact();
        if (basisPoints < Tenants.MIN_MARKUP || basisPoints > Tenants.MAX_MARKUP) {
            throw Written.refused("--markup", percent, "-100 to 1000 percent");
        }
        return basisPoints;
    }

    private static String percent(JsonNode organization) {
        return BigDecimal.valueOf(organization.path("markup_basis_points").asLong(), 2)
                        .toPlainString() + "%";
    }

    private static String named(JsonNode organization) {
        return "Organization " + organization.path("name").asString() + " ("
                + organization.path("id").asString() + ") ";
    }

    @Command(name = "create", description = "Makes an organization.")
    private static final class Create extends Asking {
        @Parameters(paramLabel = "NAME", description = "What to call it.")
        private String name = "";

        @Option(
                names = "--markup",
                paramLabel = "PERCENT",
                description = "What statements add to the cost; below 0 a discount. Default: 0.")
        private String markup = "0";

        @Option(
                names = "--regions",
                split = ",",
                paramLabel = "REGION",
                description = "Where its calls may be answered. Default: anywhere.")
        private List<String> regions = new ArrayList<>();

        @Override
        public Integer call() {
            JsonNode made = make(
                    ORGANIZATION.path(),
                    new Wanted()
                            .with("name", name)
                            .with("markup_basis_points", basisPoints(markup))
                            .with("regions", regions));
            return told(made, noted(made, named(made) + "is made."));
        }
    }

    @Command(name = "list", description = "Lists all organizations, the oldest first.")
    private static final class ListAll extends Asking {
        @Override
        public Integer call() {
            return listed(
                    all(ORGANIZATION.all()),
                    "There are no organizations.",
                    Column.of("ID", "id"),
                    Column.of("NAME", "name"),
                    Column.of("STATE", "state"),
                    new Column("MARKUP", OrgCommand::percent),
                    Column.list("REGIONS", "regions", "anywhere"),
                    Column.of("PROJECTS", "projects"),
                    Column.of("KEYS", "keys"),
                    Column.time("CREATED", "created_at"));
        }
    }

    @Command(name = "change", description = "Renames an organization, or changes its markup or regions.")
    private static final class Change extends Asking {
        @Parameters(paramLabel = "ORGANIZATION", description = "Its id or name.")
        private String organization = "";

        @Option(names = "--name", paramLabel = "NAME", description = "What to call it from now on.")
        private @Nullable String name;

        @Option(names = "--markup", paramLabel = "PERCENT", description = "What statements add to the cost.")
        private @Nullable String markup;

        @Option(
                names = "--regions",
                split = ",",
                arity = "0..1",
                paramLabel = "REGION",
                description =
                        "Where its calls may be answered, its projects' regions among them; none named: anywhere.")
        private @Nullable List<String> regions;

        @Override
        public Integer call() {
            JsonNode changed = ask(
                    "PATCH",
                    ORGANIZATION.at(organization),
                    new Wanted()
                            .with("name", name)
                            .with("markup_basis_points", basisPoints(markup))
                            .with("regions", values(regions)));
            return told(changed, noted(changed, named(changed) + "is changed."));
        }
    }
}
