package dev.lockkeeper.bench;

import dev.lockkeeper.access.Access;
import dev.lockkeeper.access.Actor;
import dev.lockkeeper.access.KeyInfo;
import dev.lockkeeper.admin.Api;
import dev.lockkeeper.admin.Desk;
import dev.lockkeeper.admin.Json;
import dev.lockkeeper.admin.KeyOperations;
import dev.lockkeeper.admin.LocalDesk;
import dev.lockkeeper.admin.Offered;
import dev.lockkeeper.admin.TenantOperations;
import dev.lockkeeper.admin.UsageOperations;
import dev.lockkeeper.db.Database;
import dev.lockkeeper.ledger.Statements;
import dev.lockkeeper.ledger.Sums;
import dev.lockkeeper.testing.Stores;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code statement}: how long statements take over the hours that a month of calls leaves. */
@Command(
        name = "statement",
        mixinStandardHelpOptions = true,
        description =
                "Fills a database with the hours that a month of calls leaves, and measures what reads them. Calls"
                        + " spread over keys as Zipf has it (the busiest key has one in seven), over the hours of a day as a sine.")
final class StatementTrial implements Callable<Integer> {
    private static final Instant MONTH = Instant.parse("2026-11-01T00:00:00Z");
    private static final int HOURS = 30 * 24;
    private static final Actor ACTOR = Actor.folder("bench");
    private static final int TAGS = 3;
    private static final int USERS = 200;

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Option(names = "--store", description = "${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}.")
    private Stores store = Stores.SQLITE;

    @Option(names = "--calls", description = "Calls of the month. Default: ${DEFAULT-VALUE}.")
    private int calls = 10_000_000;

    @Option(names = "--projects", description = "Projects, three to an organization. Default: ${DEFAULT-VALUE}.")
    private int projects = 60;

    @Option(names = "--keys", description = "Keys of a project. Default: ${DEFAULT-VALUE}.")
    private int keys = 3;

    @Option(names = "--models", description = "Models; a key calls one to three of them. Default: ${DEFAULT-VALUE}.")
    private int models = 8;

    @Option(
            names = "--users",
            description = "Percent of the keys that name " + USERS + " end users. Default: ${DEFAULT-VALUE}.")
    private int users = 5;

    @Option(names = "--rounds", description = "How often each is measured. Default: ${DEFAULT-VALUE}.")
    private int rounds = 15;

    @Option(names = "--keep", description = "A folder that is filled and kept, or used as it is if it has a database.")
    private @Nullable Path keep;

    private record Key(String organization, String project, String id, int number) {}

    private record Group(int key, int model, int tag, int user) {}

    private static final class Counted {
        long calls;
        long input;
        long cached;
        long output;
    }

    @Override
    public Integer call() throws Exception {
        PrintWriter out = spec.commandLine().getOut();
        Path folder = keep != null ? keep : Files.createTempDirectory("lockkeeper-statement");
        boolean filled = Database.isIn(folder);
        try (Database database = store.open(folder)) {
            Access access = Access.open(database, Clock.systemUTC(), new SecureRandom(), System::nanoTime);
            Api api = new Api(List.of(
                    TenantOperations.of(access.tenants(), _ -> null, Offered.ANYTHING),
                    KeyOperations.of(access.keys()),
                    UsageOperations.of(
                            () -> new Statements(database),
                            access,
                            Clock.fixed(MONTH.plus(Duration.ofDays(30)), ZoneOffset.UTC))));
            Desk desk = new LocalDesk(api, ACTOR);
            if (!filled) {
                fill(database, desk, access, out);
            }
            measure(desk, access, out);
        }
        return 0;
    }

    private void fill(Database database, Desk desk, Access access, PrintWriter out) {
        List<Key> all = tenants(desk, access);
        SplittableRandom random = new SplittableRandom(1);
        double[] upTo = new double[all.size()];
        double sum = 0;
        for (int i = 0; i < upTo.length; i++) {
            sum += 1.0 / (i + 1);
            upTo[i] = sum;
        }
        long rows = 0;
        long began = System.nanoTime();
        for (int hour = 0; hour < HOURS; hour++) {
            Map<Group, Counted> groups = new HashMap<>();
            double busy = 1 + 0.7 * Math.sin((hour % 24 - 8) * Math.PI / 12);
            long now = Math.round(calls / (double) HOURS * busy);
            for (long call = 0; call < now; call++) {
                int at = Arrays.binarySearch(upTo, random.nextDouble() * sum);
                Key key = all.get(at < 0 ? -at - 1 : at);
                Counted counted = groups.computeIfAbsent(group(key, random), _ -> new Counted());
                counted.calls++;
                counted.input += 200 + random.nextInt(4_000);
                counted.cached += random.nextInt(2_000);
                counted.output += 50 + random.nextInt(800);
            }
            long millis = MONTH.plus(Duration.ofHours(hour)).toEpochMilli();
            rows += database.<Integer>write(handle -> insert(handle, millis, groups, all), _ -> {});
        }
        for (int day = 0; day < HOURS / 24; day++) {
            long millis = MONTH.plus(Duration.ofDays(day)).toEpochMilli();
            rows += database.<Integer>write(handle -> coarse(handle, millis), _ -> {});
        }
        long entries = calls / 1_000;
        database.<Integer>write(handle -> unusual(handle, all.getFirst(), entries), _ -> {});
        database.<Integer>write(handle -> handle.execute("ANALYZE"), _ -> {});
        out.printf(
                "%,d calls of %d keys of %d projects with %d models left %,d rows of hours; filled in %.0f s%n",
                calls, all.size(), projects, models, rows, (System.nanoTime() - began) / 1e9);
        out.flush();
    }

    /** The other tables of sums, as the ledger would have filled them. */
    private static int coarse(org.jdbi.v3.core.Handle handle, long day) {
        String ofDay = " WHERE hour >= " + day + " AND hour < " + (day + 86_400_000);
        String keys = "organization, project, key_id, model, provider";
        String names = "calls, estimated, cost, overrun, " + String.join(", ", Sums.COUNTS);
        String sums = names.replaceAll("(\\w+)", "CAST(sum($1) AS BIGINT)");
        int rows = handle.execute("INSERT INTO rollup_hours (hour, " + keys + ", " + names + ") SELECT hour, " + keys
                + ", " + sums + " FROM rollups" + ofDay + " GROUP BY hour, " + keys);
        String fine = "organization, project, key_id, end_user, model, provider, tag";
        rows += handle.execute("INSERT INTO rollup_user_days (day, " + fine + ", " + names
                + ") SELECT hour / 86400000 * 86400000, " + fine + ", " + sums + " FROM rollups" + ofDay
                + " GROUP BY hour / 86400000, " + fine);
        return rows
                + handle.execute("INSERT INTO rollup_days (day, " + keys + ", " + names
                        + ") SELECT hour / 86400000 * 86400000, " + keys + ", " + sums
                        + " FROM rollup_hours" + ofDay + " GROUP BY hour / 86400000, " + keys);
    }

    /** One to three models to a key, a third of the keys with tags, some with end users. */
    private Group group(Key key, SplittableRandom random) {
        int model = (key.number + random.nextInt(1 + key.number % 3)) % models;
        int tag = key.number % 3 == 0 ? 1 + random.nextInt(TAGS) : 0;
        // Which keys name end users is spread over the busy and the quiet ones.
        int user = key.number * 37 % 100 < users ? 1 + random.nextInt(USERS) : 0;
        return new Group(key.number, model, tag, user);
    }

    private static int insert(org.jdbi.v3.core.Handle handle, long hour, Map<Group, Counted> groups, List<Key> keys) {
        List<String> columns = new ArrayList<>(List.of(
                "hour",
                "organization",
                "project",
                "key_id",
                "end_user",
                "model",
                "provider",
                "tag",
                "calls",
                "estimated",
                "cost",
                "overrun"));
        columns.addAll(Sums.COUNTS);
        try (PreparedStatement row = handle.getConnection()
                .prepareStatement("INSERT INTO rollups (" + String.join(", ", columns) + ") VALUES ("
                        + String.join(", ", Collections.nCopies(columns.size(), "?")) + ")")) {
            for (Map.Entry<Group, Counted> each : groups.entrySet()) {
                Group group = each.getKey();
                Counted counted = each.getValue();
                Key key = keys.get(group.key);
                row.setLong(1, hour);
                row.setString(2, key.organization);
                row.setString(3, key.project);
                row.setString(4, key.id);
                row.setString(5, group.user == 0 ? "" : "user-" + group.user);
                row.setString(6, "model-" + group.model);
                row.setString(7, "provider-" + group.model % 3);
                row.setString(8, group.tag == 0 ? "" : "team-" + group.tag);
                row.setLong(9, counted.calls);
                row.setLong(10, counted.calls / 500);
                row.setLong(11, counted.input * 2_500 + counted.cached * 250 + counted.output * 10_000);
                row.setLong(12, 0);
                for (int i = 0; i < Sums.COUNTS.size(); i++) {
                    row.setLong(
                            13 + i,
                            switch (Sums.COUNTS.get(i)) {
                                case "fresh_input" -> counted.input;
                                case "cached_input" -> counted.cached;
                                case "text_output" -> counted.output;
                                default -> 0;
                            });
                }
                row.addBatch();
            }
            row.executeBatch();
            return groups.size();
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Overruns and recovered entries: one to a thousand calls, all of the busiest key's project. */
    private static int unusual(org.jdbi.v3.core.Handle handle, Key key, long entries) {
        String zeros = String.join(", ", Collections.nCopies(Sums.COUNTS.size(), "0"));
        try (PreparedStatement row = handle.getConnection()
                .prepareStatement(
                        "INSERT INTO entries (taken, call_id, attempt, kind, organization, project, key_id, end_user,"
                                + " tag, provider, model, upstream_model, endpoint, status, outcome, started, millis, held, cost,"
                                + " overrun, estimated, tier, " + String.join(", ", Sums.COUNTS)
                                + ") VALUES (?, ?, 1, ?, ?, ?, ?,"
                                + " '', '', 'provider-0', 'model-0', 'model-0', 'chat.completions', 200, 'served', ?, 900, 100000,"
                                + " 130000, ?, 0, '', " + zeros + ")")) {
            for (long i = 0; i < entries; i++) {
                long at = MONTH.toEpochMilli() + i * 251_000;
                boolean overrun = i % 3 > 0;
                row.setLong(1, at);
                row.setString(2, "call_" + i);
                row.setString(3, overrun ? "overrun" : "recovered");
                row.setString(4, key.organization);
                row.setString(5, key.project);
                row.setString(6, key.id);
                row.setLong(7, at);
                row.setLong(8, overrun ? 30_000 : 0);
                row.addBatch();
            }
            row.executeBatch();
            return 0;
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }

    /** In the order of how busy they are: the first keys of all projects come first. */
    private List<Key> tenants(Desk desk, Access access) {
        for (int i = 0; i < projects; i++) {
            String organization = "Organization " + i / 3;
            if (i % 3 == 0) {
                made(desk, "organizations", "name", organization, "", "");
            }
            made(desk, "projects", "name", "project " + i, "organization", organization);
        }
        List<Key> all = new ArrayList<>();
        for (int k = 0; k < keys; k++) {
            for (int i = 0; i < projects; i++) {
                String id = desk.ask(
                                "POST",
                                "/admin/v1/keys",
                                Json.object()
                                        .put("name", "key " + k)
                                        .put("project", "project " + i)
                                        .put("organization", "Organization " + i / 3))
                        .body()
                        .path("id")
                        .asString();
                KeyInfo key = java.util.Objects.requireNonNull(access.keys().get(id));
                all.add(new Key(key.organizationId(), key.projectId(), id, all.size()));
            }
        }
        return all;
    }

    private static void made(Desk desk, String what, String name, String value, String also, String its) {
        var body = Json.object().put(name, value);
        if (!also.isEmpty()) {
            body.put(also, its);
        }
        Desk.Said said = desk.ask("POST", "/admin/v1/" + what, body);
        if (!said.done()) {
            throw new IllegalStateException(said.message());
        }
    }

    private void measure(Desk desk, Access access, PrintWriter out) {
        String busiest =
                Desk.escaped(java.util.Objects.requireNonNull(access.tenants().project("project 0"))
                        .id());
        String middling =
                Desk.escaped(java.util.Objects.requireNonNull(access.tenants().project("project " + projects / 2))
                        .id());
        String month = "from=2026-11-01&to=2026-12-01";
        out.printf("%-52s %9s %9s %9s%n", "", "first", "median", "most");
        time(
                desk,
                out,
                "statement of the busiest project",
                "/admin/v1/projects/" + busiest + "/statement?month=2026-11");
        time(
                desk,
                out,
                "the same, days of Europe/Berlin",
                "/admin/v1/projects/" + busiest + "/statement?month=2026-11&zone=Europe/Berlin");
        time(
                desk,
                out,
                "statement of a middling project",
                "/admin/v1/projects/" + middling + "/statement?month=2026-11");
        time(desk, out, "overruns of all providers", "/admin/v1/usage/overruns?" + month);
        time(desk, out, "usage of all by project", "/admin/v1/usage?by=project&" + month);
        time(desk, out, "usage of all by organization and day", "/admin/v1/usage?by=organization,day&" + month);
        time(desk, out, "usage of all by provider, model, day", "/admin/v1/usage?by=provider,model,day&" + month);
        time(
                desk,
                out,
                "the same, days of Europe/Berlin",
                "/admin/v1/usage?by=provider,model,day&zone=Europe/Berlin&" + month);
        time(
                desk,
                out,
                "usage of the busiest project by end user",
                "/admin/v1/usage?by=end_user&project=" + busiest + "&" + month);
    }

    private void time(Desk desk, PrintWriter out, String what, String path) {
        List<Double> millis = new ArrayList<>();
        for (int i = 0; i <= rounds; i++) {
            long began = System.nanoTime();
            Desk.Said said = desk.ask("GET", path, null);
            millis.add((System.nanoTime() - began) / 1e6);
            if (!said.done()) {
                throw new IllegalStateException(path + ": " + said.message());
            }
        }
        double first = millis.removeFirst();
        Collections.sort(millis);
        out.printf("%-52s %6.0f ms %6.0f ms %6.0f ms%n", what, first, millis.get(millis.size() / 2), millis.getLast());
        out.flush();
    }
}
