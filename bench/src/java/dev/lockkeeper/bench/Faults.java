package dev.lockkeeper.bench;

import dev.lockkeeper.testing.FaultTable;
import dev.lockkeeper.testing.FaultTable.Outage;
import dev.lockkeeper.testing.FaultTable.Seen;
import dev.lockkeeper.testing.FaultTable.Size;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code faults}: asks through a gateway whose first provider misbehaves, row by row of the table of faults. */
@Command(
        name = "faults",
        mixinStandardHelpOptions = true,
        description =
                "Asks through a gateway whose first provider misbehaves, fault by fault and one call after the other,"
                        + " and tells the attempts, the gaps between them, the time and what the caller had. Ends with 1 where that is"
                        + " not what is expected. Takes some 7 minutes.")
final class Faults implements Callable<Integer> {
    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Option(names = "--short", description = "Shorter limits and a shorter outage, as in the tests.")
    private boolean brief;

    @Option(names = "--docs", description = "Folder with reliability.md, which gets the table. Default: none")
    private @Nullable Path docs;

    @Override
    public Integer call() throws Exception {
        PrintWriter say = spec.commandLine().getOut();
        Size size = brief ? Size.SHORT : Size.USUAL;
        try (FaultTable table = new FaultTable(Size.SHORT)) {
            table.together(); // cold code is slow, and none of this is about that
        }
        try (FaultTable table = new FaultTable(size)) {
            List<Seen> seen = table.oneByOne();
            Outage outage = table.outage();
            String text = text(size, seen, outage);
            say.println(text);
            List<Seen> otherwise =
                    seen.stream().filter(each -> !each.expected()).toList();
            otherwise.forEach(each -> say.println("NOT AS EXPECTED: " + each));
            outage.wrong().forEach(each -> say.println("LOST IN THE OUTAGE: " + each));
            say.flush();
            write(text);
            return otherwise.isEmpty() && outage.wrong().isEmpty() ? 0 : 1;
        }
    }

    private void write(String text) throws IOException {
        if (docs != null) {
            Page.put(docs.resolve("reliability.md"), "faults", Machine.told() + "\n\n" + text);
        }
    }

    private static String text(Size size, List<Seen> seen, Outage outage) {
        StringBuilder text = new StringBuilder(
                "| the first provider | asked for | attempts | gaps, ms | total, s | the caller had |\n|---|---|---:|---:|---:|---|\n");
        String before = "";
        for (Seen each : seen) {
            String remark = each.row().remark();
            String name = each.row().name() + (remark.isEmpty() ? "" : ", " + remark);
            text.append("| %s | %s | %d + %d | %s | %s | %s%s |\n"
                    .formatted(
                            name.equals(before) ? "" : name,
                            each.asked(),
                            each.atFirst(),
                            each.atSecond(),
                            each.gapMillis().stream().map(String::valueOf).collect(Collectors.joining(", ")),
                            seconds(each.millis()),
                            each.got(),
                            each.told().isEmpty() ? "" : ": " + each.told()));
            before = name;
        }
        text.append(
                        "\nAn outage of %d s (503) and %d calls across it: %d had the whole answer; %d attempts at the first"
                                .formatted(size.outage().toSeconds(), outage.calls(), outage.whole(), outage.atFirst()))
                .append(" while it was out, %d at the second; the slowest call took %s s"
                        .formatted(outage.atSecond(), seconds(outage.longestMillis())))
                .append(
                        outage.backMillis() < 0
                                ? ".\n"
                                : "; the first answered again %s s after it was back.\n"
                                        .formatted(seconds(outage.backMillis())));
        return text.toString();
    }

    private static String seconds(long millis) {
        return String.format(Locale.ROOT, millis < 1_000 ? "%.3f" : "%.1f", millis / 1e3);
    }
}
