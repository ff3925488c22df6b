package dev.lockkeeper;

import dev.lockkeeper.Table.Column;
import dev.lockkeeper.access.Flags;
import java.math.BigDecimal;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.JsonNode;

/** {@code flags}: lists, sets and removes shares that go in place of the configured ones. */
@Command(
        name = "flags",
        description =
                "Lists, sets and removes shares of a model's calls that go in place of the configured ones, for everybody or"
                        + " for a tenant. While a server runs on the data folder this goes through it, so that a change"
                        + " counts at once.",
        synopsisSubcommandLabel = "COMMAND",
        footerHeading = "%nExamples:%n",
        footer = {
            "  lockkeeper flags set auto new 5%%                    a twentieth of all calls to 'auto'",
            "  lockkeeper flags set auto new 100 --project web     all of this project's",
            "  lockkeeper flags set auto new 0 --org Acme          none of this organization's other projects'",
            "  lockkeeper flags remove auto new --project web",
            "  lockkeeper flags list --model auto"
        })
final class FlagsCommand extends Group {
    private static final Subject FLAG = new Subject("/admin/v1/flags", "ID", "The flag's id.");

    private FlagsCommand() {}

    static CommandLine line() {
        return new FlagsCommand()
                .with(
                        new ListAll(),
                        // A share below zero looks like an option: it is told what is wrong with it.
                        new CommandLine(new SetOne()).setUnmatchedOptionsArePositionalParams(true),
                        new Remove());
    }

    /** For whose calls a flag is. */
    private static final class Tenant {
        @Option(names = "--org", paramLabel = "ORGANIZATION", description = "Of this organization's calls: id or name.")
        private @Nullable String organization;

        @Option(
                names = "--project",
                paramLabel = "PROJECT",
                description = "Of this project's calls: its id, or its name where only one has it.")
        private @Nullable String project;
    }

    /** Which share a flag changes. */
    private static final class Which {
        @Parameters(index = "0", paramLabel = "MODEL", description = "The model's name.")
        private String model = "";

        @Parameters(index = "1", paramLabel = "CASE", description = "The name of its case that has the share.")
        private String named = "";

        @Mixin
        private Tenant tenant = new Tenant();
    }

    /** Percent as written, such as {@code 5%} or {@code 2.5}, in hundredths of one. */
    private static long basisPoints(String percent) {
        if (!percent.matches("\\d{1,3}(\\.\\d{1,2})?%?")) {
            throw Written.refused("SHARE", percent, "percent with at most 2 decimals, such as 5% or 2.5");
        }
        long basisPoints =
                new BigDecimal(percent.replace("%", "")).movePointRight(2).longValueExact();
        if (basisPoints > Flags.ALL) {
            throw Written.refused("SHARE", percent, "0% to 100%");
        }
        return basisPoints;
    }

    private static String share(JsonNode flag) {
        return BigDecimal.valueOf(flag.path("share_basis_points").asLong(), 2)
                        .stripTrailingZeros()
                        .toPlainString() + "%";
    }

    private static String whose(JsonNode flag) {
        String kind = !flag.path("project_id").isNull()
                ? "project "
                : !flag.path("organization_id").isNull() ? "organization " : "everybody";
        return kind + flag.path("tenant").asString();
    }

    private static String about(JsonNode flag) {
        return "case " + flag.path("case").asString() + " of model "
                + flag.path("model").asString() + " for " + whose(flag);
    }

    @Command(name = "list", description = "Lists the shares that are set, the oldest first.")
    private static final class ListAll extends Asking {
        @Option(names = "--model", paramLabel = "MODEL", description = "Only those of this model.")
        private @Nullable String model;

        @Mixin
        private Tenant tenant = new Tenant();

        @Override
        public Integer call() {
            return listed(
                    all(FLAG.all()
                            .with("model", model)
                            .with("organization", tenant.organization)
                            .with("project", tenant.project)),
                    "There are no such flags: the shares are those of the configuration.",
                    Column.of("MODEL", "model"),
                    Column.of("CASE", "case"),
                    new Column("FOR", FlagsCommand::whose),
                    new Column("SHARE", FlagsCommand::share),
                    Column.time("CHANGED", "changed_at"),
                    Column.of("BY", "changed_by"));
        }
    }

    @Command(
            name = "set",
            description = "Sets a share, in place of the one that was there.",
            footer = {"", "Exit codes: 0 set; 1 it could not be; 2 it is refused, or the command line is wrong."})
    private static final class SetOne extends Asking {
        @Mixin
        private Which which = new Which();

        @Parameters(index = "2", paramLabel = "SHARE", description = "0%% to 100%%, with or without the sign.")
        private String share = "";

        @Override
        public Integer call() {
            JsonNode set = make(
                    FLAG.path(),
                    new Wanted()
                            .with("model", which.model)
                            .with("case", which.named)
                            .with("organization", which.tenant.organization)
                            .with("project", which.tenant.project)
                            .with("share_basis_points", basisPoints(share)));
            return told(set, noted(set, "The " + about(set) + " has " + share(set) + " of the calls."));
        }
    }

    @Command(
            name = "remove",
            description =
                    "Takes a share away: what is set for the organization, for everybody or in the configuration goes"
                            + " from now on.",
            footer = {"", "Exit codes: 0 removed; 1 there is no such flag; 2 the command line is wrong."})
    private static final class Remove extends Asking {
        @Mixin
        private Which which = new Which();

        @Override
        public Integer call() {
            JsonNode flags = all(FLAG.all()
                    .with("model", which.model)
                    .with("organization", which.tenant.organization)
                    .with("project", which.tenant.project));
            boolean everybody = which.tenant.organization == null && which.tenant.project == null;
            for (JsonNode each : flags.path("data")) {
                boolean forAll = each.path("organization_id").isNull()
                        && each.path("project_id").isNull();
                if (each.path("case").asString().equals(which.named) && forAll == everybody) {
                    JsonNode gone = ask("DELETE", FLAG.at(each.path("id").asString()), null);
                    return told(gone, "The share of " + about(gone) + " is no longer changed.");
                }
            }
            throw CommandFailure.failed("There is no such flag. 'lockkeeper flags list' shows those that are set.");
        }
    }
}
