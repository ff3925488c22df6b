package dev.lockkeeper.admin;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.networknt.schema.Schema;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import dev.lockkeeper.access.Access;
import dev.lockkeeper.access.Actor;
import dev.lockkeeper.access.Right;
import dev.lockkeeper.db.Database;
import dev.lockkeeper.db.Witness;
import dev.lockkeeper.ledger.Alerts;
import dev.lockkeeper.ledger.Awaited;
import dev.lockkeeper.ledger.Ledger;
import dev.lockkeeper.ledger.LedgerSettings;
import dev.lockkeeper.ledger.Node;
import dev.lockkeeper.ledger.Payer;
import dev.lockkeeper.ledger.Pending;
import dev.lockkeeper.ledger.Statements;
import dev.lockkeeper.limits.Limits;
import dev.lockkeeper.limits.QuotaRequests;
import dev.lockkeeper.limits.TokenEstimate;
import dev.lockkeeper.prices.PriceBook;
import dev.lockkeeper.prices.PriceList;
import dev.lockkeeper.prices.PriceSettings;
import dev.lockkeeper.prices.PricesSettings;
import dev.lockkeeper.prices.Rate;
import dev.lockkeeper.prices.Tier;
import dev.lockkeeper.relay.Foresight;
import dev.lockkeeper.routing.Candidate;
import dev.lockkeeper.routing.Flags;
import dev.lockkeeper.routing.ModelSettings;
import dev.lockkeeper.routing.ModelSettings.TargetSettings;
import dev.lockkeeper.routing.Models;
import dev.lockkeeper.routing.Pulse;
import dev.lockkeeper.routing.Router;
import dev.lockkeeper.units.Bytes;
import dev.lockkeeper.units.Money;
import io.swagger.v3.parser.OpenAPIV3Parser;
import io.swagger.v3.parser.core.models.SwaggerParseResult;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * What {@code /admin/v1/openapi.json} says, held against what is answered: each documented operation is asked and its
 * answer is looked at with a validator that is not the gateway's own.
 */
class ApiTest {
    private static final Actor OWNER = Actor.folder("test");

    private static final Offered ONLY_M = new Offered() {
        @Override
        public boolean model(String name) {
            return name.equals("m");
        }

        @Override
        public boolean provider(String name) {
            return name.equals("p");
        }

        @Override
        public boolean region(String name) {
            return name.equals("eu");
        }

        @Override
        public boolean share(String model, String named) {
            return named.equals("new");
        }
    };

    private static final Node NODE = new Node(
            3,
            "one:/var/lib/lockkeeper/journal",
            1_763_700_000_000L,
            1_763_700_005_000L,
            Node.State.SILENT,
            List.of(new Node.Lease(1, Long.MIN_VALUE, 750_000_000, 250_000_000)));

    private static Node.Fenced fence(long number, boolean force, Witness witness) {
        if (number != 3) {
            return new Node.Fenced.Unknown();
        }
        return force ? new Node.Fenced.Done(NODE, 500_000_000) : new Node.Fenced.Runs(NODE);
    }

    @TempDir
    Path temp;

    private final Set<String> asked = new HashSet<>();
    private volatile String rich = "";
    private Database database;
    private Limits limits;
    private Ledger ledger;
    private Api api;
    private JsonNode document;

    private static final List<Pending> PENDING = List.of(
            pending(Awaited.Kind.BATCH, "batch_3", "proj_a", 3),
            pending(Awaited.Kind.RESPONSE, "resp_1", "proj_b", 1),
            pending(Awaited.Kind.BATCH, "batch_2", "proj_a", 2));

    private static Pending pending(Awaited.Kind kind, String id, String project, int minutes) {
        long since = 1_763_700_000_000L + minutes * 60_000L;
        return new Pending(
                new Awaited(kind, id, "/v1/responses", "", 1, 2, since + 86_400_000),
                "call-" + id,
                new Payer("org_default", project, "key_1", "", ""),
                "openai",
                "m",
                "m-2026",
                500_000_000,
                since);
    }

    @BeforeEach
    void open() throws Exception {
        database = Database.open(temp);
        limits = Limits.open(database, Clock.systemUTC(), System::nanoTime);
        Access access = Access.open(database, Clock.systemUTC(), new SecureRandom(), System::nanoTime);
        ledger = Ledger.open(database, temp.resolve("journal"), 1, Clock.systemUTC(), LedgerSettings.DEFAULT);
        Statements statements = new Statements(database);
        api = new Api(List.of(
                KeyOperations.of(access.keys()),
                TenantOperations.of(access.tenants(), id -> id.equals(rich) ? "a budget of $5" : null, ONLY_M),
                FlagOperations.of(access.flags(), ONLY_M),
                LimitOperations.of(limits, new QuotaRequests(database, limits, new SecureRandom()), access),
                BudgetOperations.of(ledger::budgets, new Alerts(database), access, ONLY_M),
                NodeOperations.of(() -> List.of(NODE), ApiTest::fence, access),
                PendingOperations.of(() -> PENDING),
                PeopleOperations.of(access.people()),
                AuditOperations.of(access.audit()),
                UsageOperations.of(() -> statements, access, Clock.systemUTC()),
                ComparisonOperations.of(() -> statements, ApiTest::models, ApiTest::priceBook, Clock.systemUTC()),
                PriceOperations.of(ApiTest::models, ApiTest::priceBook, Clock.systemUTC()),
                RouteOperations.of(foresight(), access.keys()::caller, "simulated"::equals),
                ServerOperations.of(
                        access.audit(), () -> new Reloaded.Followed(List.of("a changed"), List.of(), List.of()))));
        document = json(api.answer(OWNER, "GET", "/admin/v1/openapi.json", null, Bytes.EMPTY));
    }

    @AfterEach
    void close() throws Exception {
        ledger.close();
        limits.close();
        database.close();
    }

    @Test
    void everyDocumentedOperationAnswersAsDocumented() {
        did("GET", "/admin/v1/openapi.json", "/admin/v1/openapi.json", null);
        keys();
        limits();
        tenants();
        flags();
        budgets();
        nodes();
        people();
        audit();
        prices();
        usage();
        routes();
        did("POST", "/admin/v1/reload", "/admin/v1/reload", null);

        assertThat(asked).containsExactlyInAnyOrderElementsOf(documented());
    }

    /** Of the model's two targets one is at a provider that rests for longer than anybody waits. */
    private static Foresight foresight() {
        Pulse pulse = new Pulse() {
            @Override
            public long restsMillis(Candidate at) {
                return at.model().equals("m") ? 3_600_000 : 0;
            }

            @Override
            public String whyItRests(Candidate at) {
                return "it has no quota left";
            }
        };
        Router router = new Router(pulse, Flags.NONE, new SecureRandom());
        return new Foresight(ApiTest::models, router, new TokenEstimate(), Clock.systemUTC());
    }

    private void routes() {
        ObjectNode wanted = Json.object().put("model", "m").put("complexity", "routine");
        wanted.putObject("call").putArray("messages");
        JsonNode route = did("POST", "/admin/v1/route", "/admin/v1/route", wanted);
        assertThat(route.at("/cases/0/why").asString()).isEqualTo("any call");
        assertThat(route.at("/targets/0").toString())
                .isEqualTo("{\"place\":1,\"target\":\"p/n\",\"provider\":\"p\",\"model\":\"n\",\"of\":\"m\",\"rank\":2,"
                        + "\"why\":\"the only one of its rank\"}");
        assertThat(route.at("/targets/1").toString())
                .isEqualTo("{\"target\":\"p/m\",\"provider\":\"p\",\"model\":\"m\",\"cause\":\"resting\","
                        + "\"why\":\"it has no quota left\",\"opens_in_ms\":3600000}");

        String test = did(
                        "POST",
                        "/admin/v1/keys",
                        "/admin/v1/keys",
                        Json.object().put("name", "t").put("project", "trial").put("kind", "test"))
                .path("id")
                .asString();
        JsonNode closed = did("POST", "/admin/v1/route", "/admin/v1/route", wanted.put("key", test));
        assertThat(closed.at("/targets/0/cause").asString()).isEqualTo("key");
        assertThat(closed.at("/targets/0").has("place")).isFalse();

        for (String[] wrong : List.of(
                new String[] {"model", "x", "model: there is no 'x' that this key may ask for"},
                new String[] {"complexity", "odd", "'x-lockkeeper-complexity' is 'odd'"},
                new String[] {"endpoint", "/v1/models", "endpoint: '/v1/models' takes no call"},
                new String[] {"key", "key_none", "key: there is no 'key_none'"})) {
            Reply reply = api.answer(
                    OWNER,
                    "POST",
                    "/admin/v1/route",
                    null,
                    Bytes.utf8(Json.object()
                            .put("model", "m")
                            .put(wrong[0], wrong[1])
                            .toString()));
            assertThat(reply.status()).isEqualTo(400);
            assertThat(reply.body().utf8()).contains(wrong[2]);
        }
    }

    private static Models models() {
        List<TargetSettings> targets = List.of(new TargetSettings("p", "m"), new TargetSettings("p", "n"));
        return new Models(List.of(new ModelSettings("m", targets, ModelSettings.Profile.AUTO, 0, 0)));
    }

    /** A price with everything that one can have. */
    private static PriceBook priceBook() {
        Map<Rate, Long> dollars = Map.of(Rate.INPUT, Money.DOLLAR, Rate.OUTPUT, 2 * Money.DOLLAR);
        PriceSettings price = new PriceSettings(
                0,
                Instant.parse("2999-01-01T00:00:00Z").toEpochMilli(),
                dollars,
                1_000,
                dollars,
                Map.of(Tier.BATCH, new PriceSettings.Tariff(50, dollars)),
                "a price list");
        PriceList written = new PriceList(Map.of("m", List.of(price)), Map.of());
        return new PriceBook(new PricesSettings(Map.of("p", written), null), List.of(), Set.of());
    }

    private void prices() {
        JsonNode prices =
                did("GET", "/admin/v1/prices", "/admin/v1/prices", null).path("data");
        assertThat(prices.get(0).at("/rates/input").asString()).isEqualTo("$1.00");
        assertThat(prices.get(0).at("/tiers/batch/share").asString()).isEqualTo("50%");
        assertThat(prices.get(1).path("priced").asBoolean()).isFalse();
    }

    private void usage() {
        String span = "from=2026-11-01&to=2026-12-01&zone=Europe/Berlin";
        JsonNode usage = did("GET", "/admin/v1/usage", "/admin/v1/usage?by=project,day&" + span, null);
        assertThat(usage.path("from").asString()).isEqualTo("2026-10-31T23:00:00Z");
        assertThat(did("GET", "/admin/v1/usage.csv", "/admin/v1/usage.csv?by=key&" + span, null)
                        .asString())
                .startsWith("key,calls,");
        did("GET", "/admin/v1/usage/overruns", "/admin/v1/usage/overruns?provider=p&" + span, null);
        did("GET", "/admin/v1/usage/reprice", "/admin/v1/usage/reprice?model=m&output_percent=120&" + span, null);
        JsonNode reconciled = did(
                "POST",
                "/admin/v1/usage/reconcile",
                "/admin/v1/usage/reconcile",
                Json.object()
                        .put("provider", "p")
                        .put("month", "2026-11")
                        .put("csv", "date,model,cost\n2026-11-21,m,-0.5"));
        assertThat(reconciled.at("/data/0/because/0/reason").asString()).isEqualTo("not_through_gateway");
        String page = did(
                        "GET",
                        "/admin/v1/projects/{id}/statement",
                        "/admin/v1/projects/proj_default/statement?month=2026-11&cost=true",
                        null)
                .asString();
        assertThat(page).startsWith("<!doctype html>");
    }

    private void keys() {
        ObjectNode wanted =
                Json.object().put("name", "ci").put("environment", "staging").put("project", "search");
        wanted.putArray("tools").add("web_search");
        wanted.putArray("networks").add("10.0.0.0/8");
        wanted.put("expires_at", "2999-01-01T00:00:00Z");
        JsonNode key = did("POST", "/admin/v1/keys", "/admin/v1/keys", wanted);
        String at = "/admin/v1/keys/" + key.path("id").asString();
        did("GET", "/admin/v1/keys", "/admin/v1/keys?project=search", null);
        did("GET", "/admin/v1/keys/{id}", at, null);
        JsonNode changed = did("PATCH", "/admin/v1/keys/{id}", at, Json.object().putNull("networks"));
        assertThat(changed.path("networks")).isEmpty();
        assertThat(changed.path("environment").asString()).isEqualTo("staging");
        did("POST", "/admin/v1/keys/{id}/rotate", at + "/rotate", Json.object().put("overlap_seconds", 60));
        String search = "/admin/v1/projects/" + key.path("project_id").asString();
        assertThat(key.path("state").asString()).isEqualTo("works");
        did("POST", "/admin/v1/projects/{id}/close", search + "/close", null);
        assertThat(did("GET", "/admin/v1/keys/{id}", at, null).path("state").asString())
                .isEqualTo("project_closed");
        did("POST", "/admin/v1/projects/{id}/open", search + "/open", null);
        did("POST", "/admin/v1/organizations/{id}/close", "/admin/v1/organizations/default/close", null);
        assertThat(did("GET", "/admin/v1/keys", "/admin/v1/keys?project=search", null)
                        .at("/data/0/state")
                        .asString())
                .isEqualTo("organization_closed");
        did("POST", "/admin/v1/organizations/{id}/open", "/admin/v1/organizations/default/open", null);
        assertThat(did("POST", "/admin/v1/keys/{id}/revoke", at + "/revoke", null)
                        .path("state")
                        .asString())
                .isEqualTo("revoked");
    }

    private void tenants() {
        String organizations = "/admin/v1/organizations";
        did(
                "POST",
                organizations,
                organizations,
                Json.object().put("name", "Acme & Sons").put("markup_basis_points", 250));
        String acme = organizations + "/" + Desk.escaped("Acme & Sons");
        did("GET", organizations, organizations, null);
        did("GET", organizations + "/{id}", acme, null);
        did("PATCH", organizations + "/{id}", acme, Json.object().put("markup_basis_points", -100));

        String projects = "/admin/v1/projects";
        ObjectNode wanted = Json.object().put("name", "web").put("organization", "Acme & Sons");
        wanted.putArray("test_providers").add("p").add("cheap");
        wanted.putArray("regions").add("eu").add("mars");
        JsonNode made = did("POST", projects, projects, wanted);
        assertThat(made.at("/regions/1").asString()).isEqualTo("mars");
        assertThat(made.path("notes"))
                .extracting(JsonNode::asString)
                .containsExactly(
                        "no provider is configured for the region mars; calls that may be answered nowhere else are"
                                + " refused",
                        "there is no provider cheap in the configuration now; test keys reach it once there is");
        String web = projects + "/" + made.path("id").asString();
        did("GET", projects, projects + "?organization=" + Desk.escaped("Acme & Sons"), null);
        did("GET", projects + "/{id}", web, null);
        JsonNode renamed = did("PATCH", projects + "/{id}", web, Json.object().put("name", "site"));
        assertThat(renamed.path("regions")).as("were not said").hasSize(2);
        assertThat(did("PATCH", projects + "/{id}", web, Json.object().putNull("regions"))
                        .path("regions"))
                .isEmpty();
        ObjectNode bound = Json.object();
        bound.putArray("regions").add("eu");
        did("PATCH", organizations + "/{id}", acme, bound);
        ObjectNode wide = Json.object();
        wide.putArray("regions").add("us");
        refused("PATCH", projects + "/{id}", web, wide, 400, "regions: project site has us, and its organization eu");
        did("POST", projects + "/{id}/close", web + "/close", null);
        did("POST", projects + "/{id}/open", web + "/open", null);
        did("POST", projects + "/{id}/revoke", web + "/revoke", null);

        refused("DELETE", organizations + "/{id}", acme, 409, "has 1 project; delete them first", "close it instead");
        refused(
                "DELETE",
                projects + "/{id}",
                projects + "/default",
                409,
                "Project default is the one that every database starts with");
        rich = made.path("id").asString();
        refused("DELETE", projects + "/{id}", web, 409, "a budget of $5", "project close");
        rich = "";
        did("DELETE", projects + "/{id}", web, null);
        did("POST", organizations + "/{id}/close", acme + "/close", null);
        did("POST", organizations + "/{id}/open", acme + "/open", null);
        did("POST", organizations + "/{id}/revoke", acme + "/revoke", null);
        did("DELETE", organizations + "/{id}", acme, null);
    }

    private void flags() {
        String flags = "/admin/v1/flags";
        ObjectNode wanted = Json.object().put("model", "m").put("case", "new").put("share_basis_points", 500);
        JsonNode set = did("POST", flags, flags, wanted);
        assertThat(set.path("notes")).isEmpty();
        assertThat(set.path("project_id").isNull()).isTrue();
        JsonNode ofProject = did(
                "POST",
                flags,
                flags,
                wanted.deepCopy().put("project", "default").put("case", "old").put("share_basis_points", 0));
        assertThat(ofProject.path("project_id").asString()).isEqualTo("proj_default");
        assertThat(ofProject.at("/notes/0").asString()).contains("the model m has no case old with a share");
        assertThat(did("POST", flags, flags, wanted.deepCopy().put("model", "x").put("organization", "default"))
                        .at("/notes/0")
                        .asString())
                .contains("there is no model x in the configuration now");
        assertThat(did("GET", flags, flags + "?model=m&limit=1", null)
                        .path("has_more")
                        .asBoolean())
                .isTrue();
        assertThat(did("GET", flags, flags + "?project=default", null)
                        .at("/data/0/case")
                        .asString())
                .isEqualTo("old");
        String at = flags + "/" + ofProject.path("id").asString();
        did("DELETE", flags + "/{id}", at, null);
        refused("DELETE", flags + "/{id}", at, 404, "There is no flag flag_");
        refused("POST", flags, flags, wanted.deepCopy().put("share_basis_points", 10_001), 400, "from 0 to 10000");
    }

    private void nodes() {
        String nodes = "/admin/v1/nodes";
        JsonNode listed = did("GET", nodes, nodes, null);
        assertThat(listed.at("/data/0/state").asString()).isEqualTo("silent");
        assertThat(listed.at("/data/0/leased").asString()).isEqualTo("$0.50");
        assertThat(listed.at("/data/0/leases/0/budget").asString()).isEqualTo("bud_1");
        JsonNode fenced = did(
                "POST",
                nodes + "/{id}/fence",
                nodes + "/node_3/fence",
                Json.object().put("force", true));
        assertThat(fenced.path("leased").asString()).isEqualTo("$0.50");
        Reply runs = api.answer(OWNER, "POST", nodes + "/node_3/fence", null, Bytes.utf8("{}"));
        assertThat(runs.status()).isEqualTo(409);
        assertThat(api.answer(OWNER, "POST", nodes + "/node_4/fence", null, Bytes.utf8("{}"))
                        .status())
                .isEqualTo(404);
    }

    private void budgets() {
        String budgets = "/admin/v1/budgets";
        ObjectNode wanted = Json.object()
                .put("scope_kind", "project")
                .put("scope_id", "default")
                .put("amount", "$12.50")
                .put("period", "week")
                .put("time_zone", "Europe/Berlin")
                .put("hard", true)
                .put("carry_over", true)
                .put("surge_percent", 250)
                .put("fallback_model", "m");
        wanted.putArray("alerts").add(80).add(100);
        JsonNode made = did("POST", budgets, budgets, wanted);
        assertThat(made.path("scope_id").asString()).isEqualTo("proj_default");
        assertThat(made.path("free").asString()).isEqualTo("$12.50");
        assertThat(made.path("period_end").asString())
                .isGreaterThan(Instant.now().toString());
        String id = made.path("id").asString();
        String at = budgets + "/" + id;
        assertThat(did("GET", budgets, budgets + "?scope_kind=project&scope_id=proj_default", null)
                        .path("data"))
                .hasSize(1);
        assertThat(did("GET", budgets, budgets + "?scope_kind=key", null).path("data"))
                .isEmpty();
        assertThat(did("GET", budgets + "/{id}", at, null)
                        .path("fallback_model")
                        .asString())
                .isEqualTo("m");
        JsonNode changed = did(
                "PATCH",
                budgets + "/{id}",
                at,
                Json.object().put("amount", "$0.00").putNull("fallback_model"));
        assertThat(changed.path("fallback_model").isNull()).isTrue();
        assertThat(changed.path("surge_percent").asInt()).isEqualTo(250);
        assertThat(changed.path("granted").asString()).isEqualTo("$0.00");

        // Nothing is nothing of nothing: at once it is all spent, which is told.
        await().atMost(10, SECONDS)
                .untilAsserted(
                        () -> assertThat(did("GET", "/admin/v1/alerts", "/admin/v1/alerts?state=new&limit=5", null)
                                        .at("/data/0/id")
                                        .asString())
                                .startsWith(id + ":")
                                .endsWith(":100"));

        String pending = "/admin/v1/pending";
        JsonNode waiting = did("GET", pending, pending + "?kind=batch&limit=1", null);
        assertThat(waiting.at("/data/0/awaited_id").asString()).isEqualTo("batch_2");
        assertThat(waiting.at("/data/0/held").asString()).isEqualTo("$0.50");
        assertThat(waiting.path("has_more").asBoolean()).isTrue();
        JsonNode rest = did(
                "GET",
                pending,
                pending + "?kind=batch&after=" + waiting.path("last_id").asString(),
                null);
        assertThat(rest.at("/data/0/awaited_id").asString()).isEqualTo("batch_3");
        assertThat(did("GET", pending, pending + "?project=proj_b", null).path("data"))
                .hasSize(1);
        JsonNode closed = did("POST", budgets + "/{id}/close", at + "/close", null);
        assertThat(closed.path("state").asString()).isEqualTo("closed");
        refused("GET", budgets + "/{id}", at, 404, "No budget " + id + " stands");
        assertThat(json(api.answer(OWNER, "GET", "/admin/v1/audit", "limit=3", Bytes.EMPTY))
                        .path("data")
                        .findValuesAsString("action"))
                .containsExactly("budget.close", "budget.change", "budget.create");
    }

    @Test
    void aBudgetThatMakesNoSenseIsRefusedWithItsFieldItsValueAndTheReason() {
        ObjectNode budget = Json.object()
                .put("scope_kind", "project")
                .put("scope_id", "default")
                .put("amount", "$10.00")
                .put("period", "day");
        refusedBudget(budget.deepCopy().put("amount", "-$1.00"), "amount", "-$1.00 (expected: $0.00 to");
        refusedBudget(budget.deepCopy().put("amount", "10"), "amount", "'10' is not an amount", "$12.50");
        refusedBudget(budget.deepCopy().put("period", "year"), "period", "\"year\"", "hour, day, week, month or total");
        refusedBudget(budget.deepCopy().put("time_zone", "Mars/Base"), "time_zone", "Mars/Base", "Europe/Berlin");
        refusedBudget(budget.deepCopy().put("scope_id", "proj_gone"), "scope_id", "project proj_gone is not known");
        refusedBudget(budget.deepCopy().put("scope_kind", "key"), "scope_id", "key default is not known");
        refusedBudget(budget.deepCopy().put("scope_kind", "end-user"), "scope_id", "(expected: PROJECT/USER)");
        refusedBudget(budget.deepCopy().put("scope_kind", "model"), "scope_id", "model default is not known");
        refusedBudget(budget.deepCopy().put("scope_kind", "provider"), "scope_id", "provider default is not known");
        refusedBudget(
                budget.deepCopy().put("scope_kind", "organization").put("scope_id", "nobody"), "scope_id", "nobody");
        refusedBudget(budget.deepCopy().put("fallback_model", "none"), "fallback_model", "none is not known");
        refusedBudget(
                budget.deepCopy().put("fallback_model", "m").put("hard", false), "fallback_model", "a soft budget");
        refusedBudget(budget.deepCopy().put("surge_percent", 100), "surge_percent", "100 (expected: 101 to");
        refusedBudget(budget.deepCopy().put("period", "total").put("carry_over", true), "carry_over", "no next period");

        ObjectNode wide = Json.object()
                .put("scope_kind", "organization")
                .put("scope_id", "org_default")
                .put("amount", "$5.00")
                .put("period", "day");
        assertThat(api.answer(OWNER, "POST", "/admin/v1/budgets", null, Bytes.utf8(wide.toString()))
                        .status())
                .isEqualTo(201);
        refusedBudget(
                budget.deepCopy().put("scope_kind", "end-user").put("scope_id", "default/ann"),
                "amount",
                "$10.00: it could never be reached: bud_1 of organization:org_default allows $5.00 per day");
        refusedBudget(
                budget.deepCopy().put("period", "month").put("amount", "$155.01"),
                "amount",
                "$155.01: it could never be reached: bud_1 of organization:org_default allows $5.00 per day, which is at"
                        + " most $155.00 in a month");
        refusedBudget(budget.deepCopy().put("period", "hour").put("amount", "$5.01"), "amount", "allows $5.00 per day");
        refusedBudget(
                budget.deepCopy().put("amount", "$10.01").put("time_zone", "Europe/Berlin"),
                "amount",
                "at most $10.00 in a day");
        for (String fits : List.of("month $155.00", "total $1000.00", "week $35.00")) {
            ObjectNode wanted =
                    budget.deepCopy().put("period", fits.split(" ")[0]).put("amount", fits.split(" ")[1]);
            assertThat(api.answer(OWNER, "POST", "/admin/v1/budgets", null, Bytes.utf8(wanted.toString()))
                            .status())
                    .as(fits)
                    .isEqualTo(201);
        }
        Reply change = api.answer(
                OWNER, "PATCH", "/admin/v1/budgets/bud_1", null, Bytes.utf8("{\"amount\": \"-$0.000000001\"}"));
        assertThat(change.status()).isEqualTo(400);
        assertThat(json(change).at("/error/param").asString()).isEqualTo("amount");
    }

    private void refusedBudget(ObjectNode budget, String param, String... told) {
        Reply reply = api.answer(OWNER, "POST", "/admin/v1/budgets", null, Bytes.utf8(budget.toString()));
        assertThat(reply.status()).isEqualTo(400);
        JsonNode error = json(reply).path("error");
        assertThat(error.path("param").asString()).isEqualTo(param);
        assertThat(error.path("message").asString()).contains(told);
    }

    private void people() {
        String invitations = "/admin/v1/invitations";
        ObjectNode ann =
                Json.object().put("name", "Ann").put("email", "ann@example.com").put("role", "developer");
        JsonNode invited = did("POST", invitations, invitations, ann);
        JsonNode second = did("POST", invitations, invitations, ann);
        did(
                "POST",
                invitations + "/{id}/revoke",
                invitations + "/" + second.path("id").asString() + "/revoke",
                null);
        did("GET", invitations, invitations, null);
        JsonNode accepted = did(
                "POST",
                invitations + "/accept",
                invitations + "/accept",
                Json.object().put("invitation", invited.path("invitation").asString()));

        String people = "/admin/v1/people";
        String at = people + "/" + accepted.at("/person/id").asString();
        did("GET", people, people, null);
        did("PATCH", people + "/{id}", at, Json.object().put("role", "admin"));
        did("POST", people + "/{id}/remove", at + "/remove", null);

        String tokens = "/admin/v1/tokens";
        ObjectNode wanted = Json.object().put("name", "terraform");
        wanted.putArray("scopes").add("keys:write");
        JsonNode token = did("POST", tokens, tokens, wanted);
        did("GET", tokens, tokens, null);
        did("POST", tokens + "/{id}/revoke", tokens + "/" + token.path("id").asString() + "/revoke", null);
    }

    private void audit() {
        JsonNode rows = did("GET", "/admin/v1/audit", "/admin/v1/audit?limit=5&before=1000", null);
        assertThat(rows.path("data")).hasSize(5);
        JsonNode verdict = did("GET", "/admin/v1/audit/verify", "/admin/v1/audit/verify", null);
        assertThat(verdict.path("intact").asBoolean()).isTrue();
        assertThat(verdict.path("rows").asLong()).isGreaterThan(20);
    }

    private void limits() {
        ObjectNode limit = Json.object()
                .put("kind", "organization")
                .put("id", "org_default")
                .put("measure", "tokens-per-minute")
                .put("amount", 1_000)
                .put("burst", 2_000);
        JsonNode set = did("POST", "/admin/v1/limits", "/admin/v1/limits", limit);
        assertThat(set.path("amount").asLong()).isEqualTo(1_000);
        assertThat(set.path("burst").asLong()).isEqualTo(2_000);
        did(
                "POST",
                "/admin/v1/limits",
                "/admin/v1/limits",
                limit.deepCopy().putNull("amount").putNull("burst"));
        JsonNode named = did(
                "POST", "/admin/v1/limits", "/admin/v1/limits", limit.deepCopy().put("id", "default"));
        assertThat(named.path("id").asString()).as("by its name").isEqualTo("org_default");
        JsonNode all = did("GET", "/admin/v1/limits", "/admin/v1/limits?kind=organization&id=org_default", null);
        assertThat(all.path("data")).hasSize(3);
        did(
                "DELETE",
                "/admin/v1/limits",
                "/admin/v1/limits?kind=organization&id=org_default&measure=tokens-per-minute",
                null);

        limit.put("reason", "a workshop").put("link", "https://example.org/papers");
        String first = did("POST", "/admin/v1/quota-requests", "/admin/v1/quota-requests", limit)
                .path("request_id")
                .asString();
        String second = did("POST", "/admin/v1/quota-requests", "/admin/v1/quota-requests", limit)
                .path("request_id")
                .asString();
        String at = "/admin/v1/quota-requests/";
        JsonNode approved = did(
                "POST",
                at + "{id}/approve",
                at + first + "/approve",
                Json.object().put("note", "fine"));
        assertThat(approved.path("state").asString()).isEqualTo("approved");
        assertThat(limits.all()).anyMatch(each -> each.amount() == 1_000);
        did("POST", at + "{id}/refuse", at + second + "/refuse", Json.object());
        assertThat(json(api.answer(OWNER, "GET", "/admin/v1/audit", "limit=6", Bytes.EMPTY))
                        .path("data")
                        .findValuesAsString("action"))
                .containsExactly(
                        "quota-request.refuse",
                        "quota-request.approve", // the limit that it sets
                        "quota-request.approve", // the request
                        "quota-request.create",
                        "quota-request.create",
                        "limit.remove");
        JsonNode refused = did("GET", "/admin/v1/quota-requests", "/admin/v1/quota-requests?state=refused", null);
        assertThat(refused.path("data")).hasSize(1);
        assertThat(api.answer(OWNER, "POST", at + second + "/approve", null, Bytes.EMPTY)
                        .status())
                .isEqualTo(409);
        assertThat(api.answer(OWNER, "POST", at + "quota_0/refuse", null, Bytes.EMPTY)
                        .status())
                .isEqualTo(404);
    }

    @Test
    void aLimitThatMakesNoSenseIsRefusedWithItsField() {
        ObjectNode limit = Json.object()
                .put("kind", "project")
                .put("id", "proj_nowhere")
                .put("measure", "requests-per-second")
                .put("amount", -1);
        refused(limit, "amount", "amount: -1 (expected: at least 1, or null for no limit)");
        refused(limit.put("amount", 7), "id", "id: project proj_nowhere is not known");
        refused(limit.put("id", "proj_default").put("burst", -3), "burst", "burst: -3 (expected: 1 to");
        refused(limit.put("measure", "requests-per-week"), "measure", "requests-per-week");
        limit.put("measure", "requests-per-day").remove("burst");
        refused(limit.put("id", ""), "id", "id: is empty (expected: on which, or * for each)");
    }

    @Test
    void aLimitMayNameItsTenant() {
        ObjectNode limit = Json.object()
                .put("kind", "project")
                .put("id", "default")
                .put("measure", "requests-per-day")
                .put("amount", 7);
        Reply set = api.answer(OWNER, "POST", "/admin/v1/limits", null, Bytes.utf8(limit.toString()));
        assertThat(json(set).path("id").asString()).isEqualTo("proj_default");
        limit.put("kind", "end-user").put("id", "default/ann");
        set = api.answer(OWNER, "POST", "/admin/v1/limits", null, Bytes.utf8(limit.toString()));
        assertThat(json(set).path("id").asString()).isEqualTo("proj_default/ann");
        Reply removed = api.answer(OWNER, "DELETE", "/admin/v1/limits", "kind=project&id=default", Bytes.EMPTY);
        assertThat(removed.status()).isEqualTo(200);
    }

    @Test
    void whatNoDatabaseCanKeepIsRefused() {
        refusedKey("{\"name\": \"a\\u0000b\"}", "name", "name: has a character that can't be kept");
        refusedKey("{\"name\": \"\\ud800\"}", "name", "name: has a character that can't be kept");
        refusedKey(
                "{\"name\": \"a\", \"expires_at\": \"+999999999-01-01T00:00:00Z\"}", "expires_at", "expires_at: \"+99");
        refusedKey("{\"name\": \"a\", \"tools\": []}", "tools", "tools: is empty (expected: all or none alone");
        refusedKey("{\"name\":", null, "body: is not JSON: Unexpected end-of-input");
        assertThat(api.answer(OWNER, "GET", "/admin/v1/keys/%00", null, Bytes.EMPTY)
                        .status())
                .isEqualTo(404);
    }

    private void refusedKey(String key, @Nullable String param, String message) {
        Reply reply = api.answer(OWNER, "POST", "/admin/v1/keys", null, Bytes.utf8(key));
        assertThat(reply.status()).as(key).isEqualTo(400);
        JsonNode error = json(reply).path("error");
        assertThat(error.path("param").asString(null)).as(key).isEqualTo(param);
        assertThat(error.path("message").asString()).as(key).startsWith(message).doesNotContain("REDACTED");
    }

    @Test
    void aDatabaseThatIsAwayIsToldAsSuch() {
        database.close();
        for (Operation each : api.operations()) {
            if (each.path().equals(Api.DOCUMENT) || each.path().endsWith("/prices") || each.body() != null) {
                continue;
            }
            Reply reply =
                    api.answer(OWNER, each.method(), each.path().replaceAll("\\{[^}]*}", "nothing"), null, Bytes.EMPTY);
            // 200: answered from memory.
            assertThat(reply.status()).as(each.id()).isIn(200, 400, 404, 503);
        }
        Reply keys = api.answer(OWNER, "GET", "/admin/v1/keys", null, Bytes.EMPTY);
        assertThat(keys.status()).isEqualTo(503);
        assertThat(json(keys).at("/error/message").asString()).contains("The database is away", "/readyz");
    }

    private void refused(ObjectNode limit, String param, String message) {
        Reply reply = api.answer(OWNER, "POST", "/admin/v1/limits", null, Bytes.utf8(limit.toString()));
        assertThat(reply.status()).isEqualTo(400);
        JsonNode error = json(reply).path("error");
        assertThat(error.path("param").asString()).isEqualTo(param);
        assertThat(error.path("message").asString()).contains(message);
    }

    @Test
    void whatIsNotDocumentedIsNotAnswered() {
        Set<String> documented = documented();
        for (var path : document.path("paths").properties()) {
            for (String method : List.of("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")) {
                Reply reply =
                        api.answer(OWNER, method, path.getKey().replaceAll("\\{[^}]*}", "nothing"), null, Bytes.EMPTY);
                if (!documented.contains(method + " " + path.getKey())) {
                    assertThat(reply.status()).as(method + " " + path.getKey()).isEqualTo(405);
                    assertThat(Set.of(reply.headers().getOrDefault("allow", "").split(", ")))
                            .allMatch(each -> documented.contains(each + " " + path.getKey()));
                }
            }
            for (String beside : List.of("/", "/x", "x", "//")) {
                String stray = path.getKey() + beside;
                if (!document.path("paths").has(stray)) {
                    assertThat(api.answer(OWNER, "GET", stray, null, Bytes.EMPTY)
                                    .status())
                            .as(stray)
                            .isIn(404, 405);
                }
            }
            assertThat(api.answer(OWNER, "GET", path.getKey(), "nobody=1", Bytes.EMPTY)
                            .status())
                    .as(path.getKey() + "?nobody=1")
                    .isIn(400, 405);
        }
    }

    @Test
    void anOperationNeedsItsScope() {
        Actor nobody = new Actor("token_x", "a token", false, Set.of());
        for (Operation each : api.operations()) {
            Right right = each.right();
            String path = each.path().replaceAll("\\{[^}]*}", "nothing");
            int status =
                    api.answer(nobody, each.method(), path, null, Bytes.EMPTY).status();
            if (right == null) {
                assertThat(status).as(each.id()).isNotEqualTo(403);
            } else {
                assertThat(status).as(each.id()).isEqualTo(403);
                Actor enough = new Actor("token_x", "a token", false, Set.of(right));
                assertThat(api.answer(enough, each.method(), path, null, Bytes.EMPTY)
                                .status())
                        .as(each.id())
                        .isNotEqualTo(403);
            }
        }
    }

    @Test
    void whoShowsNoTokenIsAnsweredWhatIsOpenAlone() {
        for (Operation each : api.operations()) {
            String path = each.path().replaceAll("\\{[^}]*}", "nothing");
            assertThat(api.answer(Actor.NOBODY, each.method(), path, null, Bytes.EMPTY)
                            .status())
                    .as(each.id())
                    .isEqualTo(each.open() ? 400 : 401);
        }
        assertThat(api.answer(Actor.NOBODY, "GET", "/admin/v1/nothing", null, Bytes.EMPTY)
                        .status())
                .isEqualTo(401);
    }

    @Test
    void aParserOfThisFormatFindsNothingToComplainOf() {
        SwaggerParseResult parsed = new OpenAPIV3Parser().readContents(document.toString());
        assertThat(parsed.getMessages()).isEmpty();
        assertThat(parsed.getOpenAPI().getPaths()).containsKey("/admin/v1/keys/{id}/rotate");
    }

    /** Asks for what is refused, and holds the refusal against the document. */
    private void refused(String method, String template, String path, int status, String... told) {
        refused(method, template, path, null, status, told);
    }

    private void refused(
            String method, String template, String path, @Nullable ObjectNode body, int status, String... told) {
        JsonNode operation = document.path("paths").path(template).path(method.toLowerCase(Locale.ROOT));
        Reply reply = api.answer(OWNER, method, path, null, body == null ? Bytes.EMPTY : Bytes.utf8(body.toString()));
        assertThat(reply.status()).as(path).isEqualTo(status);
        JsonNode answer = json(reply);
        fits(
                operation.path("responses").path(Integer.toString(status)).at("/content/application~1json/schema"),
                answer,
                path);
        assertThat(answer.at("/error/message").asString()).contains(told);
    }

    /** Asks for a documented operation and holds the answer against the document. */
    private JsonNode did(String method, String template, String path, @Nullable ObjectNode body) {
        JsonNode operation = document.path("paths").path(template).path(method.toLowerCase(Locale.ROOT));
        assertThat(operation.isMissingNode()).as(method + " " + template).isFalse();
        if (body != null) {
            fits(operation.at("/requestBody/content/application~1json/schema"), body, method + " " + template);
        }
        int question = path.indexOf('?');
        Reply reply = api.answer(
                OWNER,
                method,
                question < 0 ? path : path.substring(0, question),
                question < 0 ? null : path.substring(question + 1),
                body == null ? Bytes.EMPTY : Bytes.utf8(body.toString()));
        JsonNode answer = json(reply);
        String told = method + " " + path + " -> " + reply.status() + " " + answer;
        assertThat(reply.status()).as(told).isBetween(200, 299);
        JsonNode response = operation.path("responses").path(Integer.toString(reply.status()));
        assertThat(response.isMissingNode()).as(told).isFalse();
        String type = reply.contentType().split(";")[0];
        assertThat(response.path("content").propertyNames()).as(told).containsExactly(type);
        fits(response.path("content").path(type).path("schema"), answer, told);
        asked.add(method + " " + template);
        return answer;
    }

    private void fits(JsonNode schema, JsonNode value, String told) {
        ObjectNode whole = (ObjectNode) schema.deepCopy();
        whole.set("components", document.path("components"));
        Schema validator = SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12)
                .getSchema(whole.toString());
        assertThat(validator.validate(value.toString(), com.networknt.schema.InputFormat.JSON))
                .as(told)
                .isEmpty();
    }

    private Set<String> documented() {
        List<String> all = new ArrayList<>();
        for (var path : document.path("paths").properties()) {
            path.getValue()
                    .propertyNames()
                    .forEach(method -> all.add(method.toUpperCase(Locale.ROOT) + " " + path.getKey()));
        }
        return Set.copyOf(all);
    }

    private static JsonNode json(Reply reply) {
        return Desk.Said.of(reply.status(), reply.contentType(), reply.body().utf8())
                .body();
    }
}
