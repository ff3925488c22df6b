package dev.lockkeeper.settings;

import dev.lockkeeper.admin.AdminSettings;
import dev.lockkeeper.db.DatabaseSettings;
import dev.lockkeeper.door.DoorSettings;
import dev.lockkeeper.http.DrainSettings;
import dev.lockkeeper.http.ServerSettings;
import dev.lockkeeper.ledger.LedgerSettings;
import dev.lockkeeper.observe.AlertSettings;
import dev.lockkeeper.observe.LogSettings;
import dev.lockkeeper.prices.Price;
import dev.lockkeeper.prices.PriceBook;
import dev.lockkeeper.prices.PricesSettings;
import dev.lockkeeper.relay.RelaySettings;
import dev.lockkeeper.repeats.RepeatSettings;
import dev.lockkeeper.routing.HealthSettings;
import dev.lockkeeper.routing.ModelSettings;
import dev.lockkeeper.routing.Models;
import dev.lockkeeper.routing.Site;
import dev.lockkeeper.upstream.ProviderSettings;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What the operator wrote, checked and complete: every default is filled in.
 *
 * @param loops event loops, as many as cores unless written
 * @param server the port of the clients
 * @param drain how clients are let go at the end
 * @param door browsers
 * @param admin the port of the operator
 * @param data folder of the database
 * @param database which store keeps the tables
 * @param relay how calls are carried
 * @param repeats what is kept for repeats of calls with an idempotency key
 * @param ledger the bounds of the books
 * @param log what is said aloud
 * @param providers at least one; the one called {@code simulator} is the simulated provider of this process, whose
 *     address is known once it runs: till then it is port 0
 * @param models at least one
 * @param prices what the operator wrote of what calls cost
 * @param alerts where alerts of budgets are sent
 * @param simulated whether there is a provider called {@code simulator}, so that the simulated provider is to be started
 * @param watch whether a change of the files is followed by itself
 * @param health how the providers' health is judged, by their names; those that aren't here are judged as usual
 */
public record Settings(
        int loops,
        ServerSettings server,
        DrainSettings drain,
        DoorSettings door,
        AdminSettings admin,
        Path data,
        DatabaseSettings database,
        RelaySettings relay,
        RepeatSettings repeats,
        LedgerSettings ledger,
        LogSettings log,
        List<ProviderSettings> providers,
        List<ModelSettings> models,
        PricesSettings prices,
        AlertSettings alerts,
        boolean simulated,
        boolean watch,
        Map<String, HealthSettings> health) {
    /** Tokens of an answer of which nobody knows how long it will be. */
    private static final long USUAL_ANSWER = 500;

    public Settings {
        health = Map.copyOf(health);
        providers = List.copyOf(providers);
        models = List.copyOf(models);
    }

    /**
     * What another configuration comes to while a process runs that was started with this one: all that can change, and of
     * the rest (see {@link Restart}) what this says.
     */
    public Settings whileRunning(Settings next) {
        boolean usualSpill = next.relay.spill().equals(spill(next.data));
        return new Settings(
                loops,
                server,
                next.drain,
                next.door,
                admin,
                data,
                database,
                usualSpill ? next.relay.spilling(spill(data)) : next.relay,
                repeats,
                ledger,
                next.log,
                next.providers,
                next.models,
                next.prices,
                next.alerts,
                next.simulated,
                next.watch,
                next.health);
    }

    /** What calls cost: what is written, and what the catalogue says of the rest. */
    public PriceBook priceBook() {
        return new PriceBook(prices, Shipped.prices().values(), simulated ? Set.of(Providers.SIMULATOR) : Set.of());
    }

    /** What is chosen by: the models, with what the catalogue, the providers and the prices say of their targets. */
    public Models offered() {
        PriceBook book = priceBook();
        Map<String, Site> sites = new LinkedHashMap<>();
        providers.forEach(provider -> sites.put(provider.name(), Sites.of(provider)));
        return new Models(models, Shipped.catalog(), sites, (at, call, nowMillis) -> {
            Price price = book.find(at.provider(), at.model(), nowMillis);
            long answer = call.outputLimit() < 0 ? USUAL_ANSWER : Math.min(USUAL_ANSWER, call.outputLimit());
            return price == null ? -1 : price.likely(Math.max(0, call.inputTokens()), answer, call.serviceTier());
        });
    }

    /** Where bodies are spilled unless another folder is written. */
    static Path spill(Path data) {
        return data.resolve("spill");
    }
}
