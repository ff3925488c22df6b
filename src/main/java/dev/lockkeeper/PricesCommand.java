package dev.lockkeeper;

import dev.lockkeeper.admin.Json;
import dev.lockkeeper.admin.PriceOperations;
import dev.lockkeeper.prices.Price;
import dev.lockkeeper.prices.PriceSettings;
import dev.lockkeeper.prices.Rate;
import dev.lockkeeper.settings.Overrides;
import dev.lockkeeper.settings.Settings;
import dev.lockkeeper.settings.Shipped;
import dev.lockkeeper.units.Money;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** {@code prices}: shows what calls cost, and which models have no price. */
@Command(
        name = "prices",
        description = "Shows what calls cost by the configuration and the catalogue that ships with the gateway, and"
                + " which models have no price. Asks no server and no provider.",
        synopsisSubcommandLabel = "COMMAND",
        footerHeading = "%nExamples:%n",
        footer = {
            "  lockkeeper prices list",
            "  lockkeeper prices list --all --json",
            "  lockkeeper prices check --config lockkeeper.yaml"
        })
final class PricesCommand extends Group {
    private static final String ROW = "%-40s  %10s  %10s  %10s  %-10s  %-10s  %s%n";

    private PricesCommand() {}

    static CommandLine line(Shell shell, Clock clock) {
        return new PricesCommand().with(new ListThem(shell, clock), new Check(shell, clock));
    }

    @Command(
            name = "list",
            description = "Lists the price that holds now of each target of a model. Dollars for a million tokens.",
            footer = {"", "Exit codes: 0 done; 2 the command line or the configuration is wrong."})
    private static final class ListThem implements Callable<Integer> {
        private final Shell shell;
        private final Clock clock;

        @Mixin
        private Configuration configuration = new Configuration();

        @Option(
                names = "--all",
                description = "Lists the catalogue: all models, also prices of the past and the future.")
        private boolean all;

        @Option(names = "--json", description = "Prints them as JSON, with everything that is known of a price.")
        private boolean json;

        ListThem(Shell shell, Clock clock) {
            this.shell = shell;
            this.clock = clock;
        }

        @Override
        public Integer call() {
            ObjectNode found = Json.object().put("object", "list");
            ArrayNode data = found.putArray("data");
            if (!json) {
                shell.out().printf(ROW, "TARGET", "INPUT", "CACHED", "OUTPUT", "SINCE", "FROM", "SEEN AT");
            }
            if (all) {
                Shipped.prices()
                        .forEach((vendor, list) -> list.models()
                                .forEach((model, prices) -> prices.forEach(price -> show(
                                        data, vendor, model, price.charges() ? price : null, Price.Origin.CATALOGUE))));
            } else {
                Settings settings = configuration.load(shell, Overrides.NONE).settings();
                for (PricesInUse.InUse each : PricesInUse.of(settings, clock)) {
                    Price price = each.price();
                    show(
                            data,
                            each.target().provider(),
                            each.target().model(),
                            price == null ? null : price.written(),
                            price == null ? Price.Origin.UNPRICED : price.origin());
                }
            }
            if (json) {
                shell.out().println(Json.text(found));
            }
            return 0;
        }

        private void show(
                ArrayNode data, String provider, String model, @Nullable PriceSettings price, Price.Origin origin) {
            if (json) {
                data.add(PriceOperations.json(provider, model, price, origin));
                return;
            }
            shell.out()
                    .printf(
                            ROW,
                            provider + "/" + model,
                            price == null ? "none" : amount(price, Rate.INPUT),
                            price == null ? "" : amount(price, Rate.CACHED_INPUT),
                            price == null ? "" : amount(price, Rate.OUTPUT),
                            price == null || price.fromMillis() == Long.MIN_VALUE ? "" : day(price.fromMillis()),
                            price == null ? "" : PriceOperations.word(origin),
                            price == null ? "" : price.source());
        }
    }

    @Command(
            name = "check",
            description = "Names the models in use that have no price: their calls are refused.",
            footer = {
                "",
                "Exit codes: 0 all have one; 1 some have none; 2 the command line or the configuration is wrong."
            })
    private static final class Check implements Callable<Integer> {
        private final Shell shell;
        private final Clock clock;

        @Mixin
        private Configuration configuration = new Configuration();

        @Option(names = "--json", description = "Prints them as JSON.")
        private boolean json;

        Check(Shell shell, Clock clock) {
            this.shell = shell;
            this.clock = clock;
        }

        @Override
        public Integer call() {
            Settings settings = configuration.load(shell, Overrides.NONE).settings();
            List<PricesInUse.InUse> all = PricesInUse.of(settings, clock);
            List<PricesInUse.InUse> missing =
                    all.stream().filter(each -> each.price() == null).toList();
            List<PricesInUse.InUse> taken = all.stream()
                    .filter(each -> each.price() != null && each.price().origin() == Price.Origin.UNPRICED)
                    .toList();
            if (json) {
                ObjectNode found = Json.object();
                found.put("targets", all.size());
                names(found.putArray("refused"), missing);
                names(found.putArray("taken_as_unpriced"), taken);
                shell.out().println(Json.text(found));
            } else {
                missing.forEach(each -> shell.out().println(each.name() + ": no price; its calls are refused"));
                taken.forEach(each -> shell.out().println(each.name() + ": no price; charged as prices.unpriced says"));
                if (missing.isEmpty()) {
                    shell.err().println("Of " + all.size() + " targets each can be charged.");
                } else {
                    shell.err()
                            .println("Write a price under prices.providers, or what such calls are taken to cost as"
                                    + " prices.unpriced.");
                }
            }
            return missing.isEmpty() ? 0 : CommandFailure.FAILED;
        }

        private static void names(ArrayNode into, List<PricesInUse.InUse> some) {
            some.forEach(each -> into.add(each.name()));
        }
    }

    private static String amount(PriceSettings price, Rate rate) {
        Long nanos = price.rates().get(rate);
        return nanos == null ? "" : new Money(nanos).toString();
    }

    private static String day(long millis) {
        return Instant.ofEpochMilli(millis).atZone(ZoneOffset.UTC).toLocalDate().toString();
    }
}
