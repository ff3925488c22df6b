package dev.lockkeeper;

import dev.lockkeeper.access.Access;
import dev.lockkeeper.access.Actor;
import dev.lockkeeper.admin.AdminClient;
import dev.lockkeeper.admin.Api;
import dev.lockkeeper.admin.AuditOperations;
import dev.lockkeeper.admin.BudgetOperations;
import dev.lockkeeper.admin.ComparisonOperations;
import dev.lockkeeper.admin.Desk;
import dev.lockkeeper.admin.FlagOperations;
import dev.lockkeeper.admin.KeyOperations;
import dev.lockkeeper.admin.LimitOperations;
import dev.lockkeeper.admin.LocalDesk;
import dev.lockkeeper.admin.NodeOperations;
import dev.lockkeeper.admin.Offered;
import dev.lockkeeper.admin.PendingOperations;
import dev.lockkeeper.admin.PeopleOperations;
import dev.lockkeeper.admin.RouteOperations;
import dev.lockkeeper.admin.RunningServer;
import dev.lockkeeper.admin.Tenancy;
import dev.lockkeeper.admin.TenantOperations;
import dev.lockkeeper.admin.UsageOperations;
import dev.lockkeeper.db.Database;
import dev.lockkeeper.db.DatabaseSettings;
import dev.lockkeeper.db.DatabaseUnavailable;
import dev.lockkeeper.db.DatabaseUnavailable.Reason;
import dev.lockkeeper.ledger.Alerts;
import dev.lockkeeper.ledger.Budgets;
import dev.lockkeeper.ledger.Hold;
import dev.lockkeeper.ledger.Ledger;
import dev.lockkeeper.ledger.LedgerSettings;
import dev.lockkeeper.ledger.Pending;
import dev.lockkeeper.ledger.Statements;
import dev.lockkeeper.limits.Limits;
import dev.lockkeeper.limits.QuotaRequests;
import dev.lockkeeper.limits.TokenEstimate;
import dev.lockkeeper.prices.PriceBook;
import dev.lockkeeper.prices.PricesSettings;
import dev.lockkeeper.relay.Foresight;
import dev.lockkeeper.routing.Flags;
import dev.lockkeeper.routing.Models;
import dev.lockkeeper.routing.Pulse;
import dev.lockkeeper.routing.Router;
import dev.lockkeeper.settings.Overrides;
import dev.lockkeeper.settings.Settings;
import dev.lockkeeper.settings.Shipped;
import dev.lockkeeper.upstream.Provider;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import tools.jackson.databind.JsonNode;

/** The options that name a data folder, and the way to what is in it: through the server that runs on it, if one does. */
final class DataFolder {
    /** How long another command, or a server that is just starting, may keep the folder before this one gives up. */
    private static final Duration WAIT = Duration.ofSeconds(5);

    private static final Duration BETWEEN_TRIES = Duration.ofMillis(100);

    @Mixin
    private Configuration configuration = new Configuration();

    @Option(
            names = "--data",
            paramLabel = "FOLDER",
            description =
                    "Folder of the database. Default: as the configuration says, else lockkeeper-data in this folder.")
    private @Nullable Path data;

    /** The folder that is meant: the option's, else the configuration's. */
    Path folder(Shell shell) {
        return data != null
                ? data
                : configuration.load(shell, Overrides.NONE).settings().data();
    }

    /**
     * Asks the admin API: of the server that runs on the folder, else of this process.
     *
     * @param make whether a folder without database gets one; otherwise that ends the command
     * @param body null: none
     * @return the answer's body; what is refused ends the command
     */
    JsonNode atDesk(CommandSpec spec, Shell shell, boolean make, String method, String path, @Nullable JsonNode body) {
        return answered(spec, shell, make, desk -> desk.ask(method, path, body));
    }

    /** Asks the admin API for a list: for all its pages, one after the other, which are answered as one. */
    JsonNode allAtDesk(CommandSpec spec, Shell shell, String path) {
        return answered(spec, shell, false, desk -> desk.all(path));
    }

    /** Asks the admin API of the server that runs on the folder, and of nobody else, for what is there. */
    JsonNode atServer(CommandSpec spec, Shell shell, String path) {
        RunningServer server = server(shell);
        return said(spec, () -> new AdminClient(server).ask("GET", path, null));
    }

    private JsonNode answered(CommandSpec spec, Shell shell, boolean make, Function<Desk, Desk.Said> asking) {
        return said(spec, () -> withDesk(shell, make, asking));
    }

    private static JsonNode said(CommandSpec spec, Supplier<Desk.Said> asking) {
        Desk.Said said;
        try {
            said = asking.get();
        } catch (UncheckedIOException e) {
            throw CommandFailure.failed(String.valueOf(e.getMessage()));
        }
        if (said.done()) {
            return said.body();
        }
        if (said.status() == 400) {
            throw CommandFailure.misused(
                    List.of(said.message(), "'" + spec.qualifiedName() + " --help' tells what it takes."));
        }
        throw CommandFailure.failed(said.message());
    }

    /**
     * Asks where a call would go: the server that runs on the folder, else what is written.
     *
     * @param written whether what is written is asked in any case
     */
    JsonNode route(CommandSpec spec, Shell shell, boolean written, JsonNode body) {
        Optional<RunningServer> server = written ? Optional.empty() : running(shell);
        Desk desk = server.isPresent() ? new AdminClient(server.get()) : writtenDesk(shell);
        return said(spec, () -> desk.ask("POST", "/admin/v1/route", body));
    }

    private Desk writtenDesk(Shell shell) {
        Models models = configuration
                .load(shell, new Overrides(null, null, null, data))
                .settings()
                .offered();
        Router router = new Router(Pulse.NONE, Flags.NONE, new SplittableRandom());
        Foresight foresight = new Foresight(() -> models, router, new TokenEstimate(), Clock.systemUTC());
        Api api = new Api(List.of(RouteOperations.of(foresight, _ -> null, Provider.SIMULATOR::equals)));
        return new LocalDesk(api, Actor.folder(System.getProperty("user.name", "somebody")));
    }

    private <T> T withDesk(Shell shell, boolean make, Function<Desk, T> work) {
        Place place = place(shell);
        Path folder = place.folder();
        DatabaseSettings store = place.store();
        if (!make && store.equals(new DatabaseSettings.Sqlite()) && !Database.isIn(folder)) {
            throw CommandFailure.failed("no database in " + folder.toAbsolutePath()
                    + ". Name the server's data folder with --data, or its configuration with --config.");
        }
        long giveUp = System.nanoTime() + WAIT.toNanos();
        while (true) {
            try (Database database = Database.open(folder, store);
                    Limits limits = Limits.open(database, Clock.systemUTC(), System::nanoTime);
                    Books books = new Books(database, place.ledger())) {
                return work.apply(local(place, database, limits, books));
            } catch (DatabaseUnavailable e) {
                RunningServer server = e.reason() == Reason.IN_USE
                        ? RunningServer.on(folder, e.holder()).orElse(null)
                        : null;
                if (server != null) {
                    return work.apply(new AdminClient(server));
                }
                if (e.reason() != Reason.IN_USE || System.nanoTime() - giveUp > 0) {
                    throw CommandFailure.failed(String.valueOf(e.getMessage()));
                }
            }
            pause();
        }
    }

    private static Desk local(Place place, Database database, Limits limits, Books books) {
        SecureRandom random = new SecureRandom();
        Access access = Access.open(database, Clock.systemUTC(), random, System::nanoTime);
        Api api = new Api(List.of(
                KeyOperations.of(access.keys()),
                TenantOperations.of(
                        access.tenants(),
                        Tenancy.of(() -> books.budgets().balances(), access.keys()::projectOf),
                        Offered.ANYTHING),
                FlagOperations.of(access.flags(), Offered.ANYTHING),
                LimitOperations.of(limits, new QuotaRequests(database, limits, random), access),
                NodeOperations.of(
                        () -> books.budgets().nodes(),
                        (number, force, witness) -> books.budgets().fence(number, force, witness),
                        access),
                BudgetOperations.of(books::budgets, new Alerts(database), access, Offered.ANYTHING),
                PendingOperations.of(books::pending),
                PeopleOperations.of(access.people()),
                UsageOperations.of(books::statements, access, Clock.systemUTC()),
                ComparisonOperations.of(books::statements, place::models, place::prices, Clock.systemUTC()),
                AuditOperations.of(access.audit())));
        return new LocalDesk(api, Actor.folder(System.getProperty("user.name", "somebody")));
    }

    /**
     * The ledger of a folder on which no server runs. It is opened when it is needed first: that books what a server that was
     * killed left in its journals.
     */
    private static final class Books implements AutoCloseable {
        private final Database database;
        private final LedgerSettings settings;
        private @Nullable Ledger ledger;

        Books(Database database, LedgerSettings settings) {
            this.database = database;
            this.settings = settings;
        }

        Budgets budgets() {
            return ledger().budgets();
        }

        List<Pending> pending() {
            return ledger().waiting().stream()
                    .map(Hold::pending)
                    .filter(Objects::nonNull)
                    .toList();
        }

        private Ledger ledger() {
            Ledger opened = ledger;
            if (opened == null) {
                try {
                    opened = Ledger.open(database, journal(database.folder()), 1, Clock.systemUTC(), settings);
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
                ledger = opened;
            }
            return opened;
        }

        /** With what a killed server left: the ledger is opened for it. */
        Statements statements() {
            Budgets _ = budgets();
            return new Statements(database);
        }

        @Override
        public void close() {
            if (ledger != null) {
                try {
                    ledger.close();
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            }
        }
    }

    /** Where the ledger's journals are in a data folder. */
    static Path journal(Path folder) {
        return folder.resolve("journal");
    }

    /**
     * A data folder and the store that is used with it.
     *
     * @param store without a wait for a server that can't be reached
     * @param settings what the configuration says that is about it; null: there is none
     */
    record Place(
            Path folder, DatabaseSettings store, @Nullable Settings settings) {
        /** What clients can ask for; nothing where no configuration is known. */
        Models models() {
            return settings == null ? new Models(List.of()) : settings.offered();
        }

        /** The ledger's bounds; the usual ones where no configuration is known. */
        LedgerSettings ledger() {
            return settings == null ? LedgerSettings.DEFAULT : settings.ledger();
        }

        /** The prices; the catalogue's where no configuration is known. */
        PriceBook prices() {
            return settings == null
                    ? new PriceBook(PricesSettings.NONE, Shipped.prices().values(), Set.of())
                    : settings.priceBook();
        }
    }

    /** The folder that is meant, and its store: as the configuration says that is named, or that is about the folder. */
    Place place(Shell shell) {
        if (data != null && configuration.file() == null) {
            return new Place(data, configuration.databaseOf(shell, data).withoutWait(), null);
        }
        Settings settings =
                configuration.load(shell, new Overrides(null, null, null, data)).settings();
        return new Place(settings.data(), settings.database().withoutWait(), settings);
    }

    /** The server that runs on the folder; ends the command where none does. */
    RunningServer server(Shell shell) {
        return running(shell)
                .orElseThrow(() ->
                        CommandFailure.failed("no server runs on " + path(shell).toAbsolutePath()
                                + ". Name the server's data folder with --data, or its configuration with --config."));
    }

    private Optional<RunningServer> running(Shell shell) {
        Path folder = path(shell);
        try {
            OptionalLong holder = Database.holder(folder);
            return holder.isPresent() ? RunningServer.on(folder, holder) : Optional.empty();
        } catch (DatabaseUnavailable e) {
            throw CommandFailure.failed(String.valueOf(e.getMessage()));
        }
    }

    private Path path(Shell shell) {
        return data != null ? data : configuration.data(shell);
    }

    private static void pause() {
        try {
            Thread.sleep(BETWEEN_TRIES);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw CommandFailure.failed("interrupted");
        }
    }
}
