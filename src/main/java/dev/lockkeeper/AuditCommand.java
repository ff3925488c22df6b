package dev.lockkeeper;

import dev.lockkeeper.Table.Column;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import tools.jackson.databind.JsonNode;

/** {@code audit}: shows the log of changes and whether it is unbroken. */
@Command(
        name = "audit",
        description = "Shows who changed what, and whether that log is as it was written.",
        synopsisSubcommandLabel = "COMMAND",
        footerHeading = "%nExamples:%n",
        footer = {
            "  lockkeeper audit list --subject key_...",
            "  lockkeeper audit list --json               with the state before and after each change",
            "  lockkeeper audit verify                    prints the newest hash: keep it elsewhere",
            "  lockkeeper audit verify --head HASH        also tells rows that were cut off at the end"
        })
final class AuditCommand extends Group {
    private static final String AT = "/admin/v1/audit";

    private AuditCommand() {}

    static CommandLine line() {
        return new AuditCommand().with(new ListAll(), new Verify());
    }

    @Command(name = "list", description = "Lists changes, the newest first.")
    private static final class ListAll extends Asking {
        @Option(names = "--subject", paramLabel = "ID", description = "Only changes of what has this id.")
        private @Nullable String subject;

        @Option(
                names = "--limit",
                paramLabel = "COUNT",
                description = "How many, up to 1000. Default: ${DEFAULT-VALUE}.")
        private int limit = 100;

        @Option(names = "--before", paramLabel = "NUMBER", description = "Only changes with a smaller number.")
        private @Nullable Long before;

        @Override
        public Integer call() {
            Query query =
                    new Query(AT).with("limit", limit).with("before", before).with("subject", subject);
            return listed(
                    get(query),
                    "There are no such changes.",
                    Column.of("NUMBER", "seq"),
                    Column.time("AT", "at"),
                    new Column("BY", each -> text(each, "actor_name") + " (" + text(each, "actor") + ")"),
                    Column.of("ACTION", "action"),
                    Column.of("SUBJECT", "subject"));
        }
    }

    @Command(
            name = "verify",
            description = "Looks at every row of the log and names the first that is not as it was written.",
            footer = {"", "Exit codes: 0 all rows fit; 1 one does not, or they could not be read."})
    private static final class Verify extends Asking {
        @Option(
                names = "--head",
                paramLabel = "HASH",
                description = "A hash that an earlier look printed: some row must still have it.")
        private @Nullable String head;

        @Override
        public Integer call() {
            JsonNode verdict = get(new Query(AT + "/verify").with("head", head));
            if (verdict.path("intact").asBoolean()) {
                return shown(
                        verdict,
                        text(verdict, "rows")
                                + " changes, all as they were written. The newest hash, to keep elsewhere:",
                        text(verdict, "head"));
            }
            int _ = told(
                    verdict,
                    "The log is broken at row " + text(verdict, "broken") + ": " + text(verdict, "why") + ". "
                            + text(verdict, "rows") + " rows before it fit.");
            return CommandFailure.FAILED;
        }
    }
}
