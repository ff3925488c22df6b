package dev.lockkeeper.admin;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.access.Access;
import dev.lockkeeper.access.Actor;
import dev.lockkeeper.db.Database;
import dev.lockkeeper.ledger.Ask;
import dev.lockkeeper.ledger.Bill;
import dev.lockkeeper.ledger.Budget;
import dev.lockkeeper.ledger.Hold;
import dev.lockkeeper.ledger.Holding;
import dev.lockkeeper.ledger.Ledger;
import dev.lockkeeper.ledger.LedgerSettings;
import dev.lockkeeper.ledger.Payer;
import dev.lockkeeper.ledger.Period;
import dev.lockkeeper.ledger.Scope;
import dev.lockkeeper.ledger.Statements;
import dev.lockkeeper.prices.PriceBook;
import dev.lockkeeper.prices.PriceList;
import dev.lockkeeper.prices.PriceSettings;
import dev.lockkeeper.prices.PricesSettings;
import dev.lockkeeper.prices.Rate;
import dev.lockkeeper.routing.ModelSettings;
import dev.lockkeeper.routing.ModelSettings.TargetSettings;
import dev.lockkeeper.routing.Models;
import dev.lockkeeper.testing.OnBothStores;
import dev.lockkeeper.testing.Stores;
import dev.lockkeeper.units.Bytes;
import dev.lockkeeper.units.Money;
import dev.lockkeeper.units.Usage;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.Parameter;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** What is told of calls that were booked by a ledger. */
@OnBothStores
class UsageOperationsTest {
    private static final Instant NOW = Instant.parse("2026-11-21T12:00:00Z");
    private static final String EVIL = "<script>alert(1)</script>";

    @Parameter
    Stores store = Stores.SQLITE;

    @TempDir
    Path temp;

    private final Clock clock = Clock.fixed(NOW, ZoneOffset.UTC);
    private Database database;
    private Api api;
    private String project = "";
    private String key = "";

    @BeforeEach
    void open() throws Exception {
        database = store.open(temp);
        Statements statements = new Statements(database);
        Access access = Access.open(database, clock, new SecureRandom(), System::nanoTime);
        api = new Api(List.of(
                TenantOperations.of(access.tenants(), _ -> null, Offered.ANYTHING),
                KeyOperations.of(access.keys()),
                UsageOperations.of(() -> statements, access, clock),
                ComparisonOperations.of(
                        () -> statements, UsageOperationsTest::models, UsageOperationsTest::prices, clock)));
        ask(
                "POST",
                "/admin/v1/organizations",
                Json.object().put("name", "Acme & Sons").put("markup_basis_points", 250));
        project = ask(
                        "POST",
                        "/admin/v1/projects",
                        Json.object().put("name", EVIL).put("organization", "Acme & Sons"))
                .path("id")
                .asString();
        key = ask(
                        "POST",
                        "/admin/v1/keys",
                        Json.object().put("name", "ci").put("project", EVIL).put("organization", "Acme & Sons"))
                .path("id")
                .asString();
    }

    @AfterEach
    void close() {
        database.close();
    }

    /** Two settled calls of two models, one estimated, one beyond a budget, one that a killed process left. */
    private void book() throws Exception {
        try (Ledger ledger = ledger()) {
            hold(ledger, "gpt", 50).settle(bill(1_000_000_001, Usage.of(1_000, 20), false));
            hold(ledger, "=evil()", 50).settle(bill(33, Usage.estimate(7, 3), true));
            ledger.budgets()
                    .create(
                            new Budget.Wanted(
                                    new Scope(Scope.Kind.MODEL, "dear"),
                                    new Period(Period.Unit.TOTAL, ZoneOffset.UTC),
                                    false,
                                    new Budget.Terms(100, true, List.of())),
                            List.of());
            hold(ledger, "dear", 40).settle(bill(130, Usage.of(5, 5), false));
            Hold left = hold(ledger, "gpt", 60);
            assertThat(left.grantedNanos()).isEqualTo(60);
        }
        ledger().close();
    }

    private Ledger ledger() throws Exception {
        return Ledger.open(database, temp.resolve("journal"), 1, clock, LedgerSettings.DEFAULT);
    }

    private Hold hold(Ledger ledger, String model, long nanos) {
        Payer payer = new Payer(
                ask("GET", "/admin/v1/projects/" + project, null)
                        .path("organization_id")
                        .asString(),
                project,
                key,
                "ann",
                "t,\"1\"");
        Ask ask = new Ask("call-" + model, 1, payer, "openai", model, model + "-x", nanos, nanos, nanos);
        Holding holding = ledger.hold(0, ask);
        while (holding instanceof Holding.Parked(var ready)) {
            ready.toCompletableFuture().join();
            holding = ledger.hold(0, ask);
        }
        return ((Holding.Granted) holding).hold();
    }

    private static Bill bill(long nanos, Usage usage, boolean estimated) {
        return new Bill(nanos, usage, estimated, "chat.completions", 200, "served", NOW.toEpochMilli(), 5);
    }

    @Test
    void usageIsToldByAnyGroupsAsJsonAndCsv() throws Exception {
        book();
        JsonNode usage = ask("GET", "/admin/v1/usage?by=model,day&project=" + project, null);
        assertThat(usage.path("data").findValuesAsString("model")).containsExactly("=evil()", "dear", "gpt");
        JsonNode gpt = usage.path("data").get(2);
        assertThat(gpt.at("/group/day").asString()).isEqualTo("2026-11-21");
        assertThat(gpt.path("calls").asLong()).isEqualTo(2);
        assertThat(gpt.path("estimated").asLong()).as("the recovered one").isEqualTo(1);
        assertThat(gpt.path("cost").asString()).isEqualTo("$1.000000061");
        assertThat(usage.at("/total/cost_nanos").asLong()).isEqualTo(1_000_000_001 + 33 + 130 + 60);
        assertThat(usage.at("/total/usage/fresh_input").asLong()).isEqualTo(1_012);
        assertThat(ask("GET", "/admin/v1/usage?by=key", null)
                        .at("/names/" + key)
                        .asString())
                .isEqualTo("ci");
        assertThat(ask("GET", "/admin/v1/usage?model=nothing", null).path("data"))
                .isEmpty();
        assertThat(ask("GET", "/admin/v1/usage?to=2026-11-21", null).path("data"))
                .isEmpty();

        String csv = ask("GET", "/admin/v1/usage.csv?by=model,tag", null).asString();
        assertThat(csv.lines().findFirst().orElseThrow())
                .startsWith("model,tag,calls,estimated,cost_nanos,overrun_nanos,input_tokens,");
        assertThat(csv).contains("\r\n'=evil(),\"t,\"\"1\"\"\",1,1,33,0,7,0,3,7,");
    }

    @Test
    void aGroupOrATimeThatIsNoneIsRefusedWithItsField() {
        assertThat(refused("/admin/v1/usage?by=model,colour"))
                .startsWith("by: colour (expected: some of organization,");
        assertThat(refused("/admin/v1/usage?by=day,day")).isEqualTo("by: day twice (expected: once)");
        assertThat(refused("/admin/v1/usage?zone=Mars")).startsWith("zone: Mars (expected: the name of a time zone");
        assertThat(refused("/admin/v1/usage?from=2026-13-01")).startsWith("from: 2026-13-01 (expected: a day such as");
        assertThat(refused("/admin/v1/usage?from=2026-11-02&to=2026-11-01"))
                .startsWith("to: 2026-11-01T00:00:00Z (expected");
        assertThat(refused("/admin/v1/projects/" + project + "/statement?month=2026-13"))
                .startsWith("month: 2026-13 (expected");
    }

    @Test
    void overrunsAreListedAndAddedUpByProvider() throws Exception {
        book();
        JsonNode overruns = ask("GET", "/admin/v1/usage/overruns?provider=openai", null);
        assertThat(overruns.path("data")).hasSize(1);
        // Where a budget is shared, what it could have paid but had not leased is an overrun too.
        assertThat(overruns.at("/data/0/overrun").asString()).matches("\\$0[.]0000000[3-7]");
        assertThat(overruns.at("/data/0/call").asString()).isEqualTo("call-dear");
        assertThat(overruns.at("/providers/0/cost").asString()).isEqualTo("$0.00000013");
        assertThat(ask("GET", "/admin/v1/usage/overruns?provider=other", null).path("data"))
                .isEmpty();
    }

    @Test
    void aStatementChargesTheMarkupAndHidesIt() throws Exception {
        book();
        String statement = "/admin/v1/projects/" + project + "/statement?month=2026-11";
        String page = ask("GET", statement, null).asString();
        // 1,000,000,224 nanos and 2.5%: 1,025,000,229.6
        assertThat(page)
                .contains("exactly $1.02500023", "<b>$1.03</b>", "Acme &amp; Sons", "<td>ci", "the month is not over");
        assertThat(page).contains("Estimated.</b> 2 of 4", "Recovered.</b> 1 of", "Overruns.</b> 1 calls");
        assertThat(page).contains("=evil()").doesNotContain(EVIL, "Markup", "2.50%", "$1.0000");
        assertThat(page).contains("&lt;script&gt;").doesNotContain("src=", "href=", "url(");

        String own = ask("GET", statement + "&cost=true", null).asString();
        assertThat(own).contains("<dt>Markup</dt><dd>+2.50%", "(10,000 + 250) / 10,000");
        assertThat(ask("GET", statement.replace("2026-11", "2026-10"), null).asString())
                .contains("Nothing was charged");
        assertThat(refused("/admin/v1/projects/nobody/statement")).startsWith("There is no project nobody");
    }

    @Test
    void aPageAllowsItsOwnStyleAlone() {
        Reply reply = api.answer(
                Actor.folder("test"), "GET", "/admin/v1/projects/" + project + "/statement", null, Bytes.EMPTY);
        String page = reply.body().utf8();
        String style = page.substring(page.indexOf("<style>") + 7, page.indexOf("</style>"));
        assertThat(reply.headers().get("content-security-policy"))
                .contains("style-src 'sha256-" + AdminPage.sha256(style) + "'");
        assertThat(reply.contentType()).isEqualTo("text/html; charset=utf-8");
    }

    private static Models models() {
        List<TargetSettings> simulated = List.of(new TargetSettings("simulator", "cheap"));
        return new Models(List.of(new ModelSettings("trial", simulated, ModelSettings.Profile.AUTO, 0, 0)));
    }

    /** gpt-x costs $1 and $2 a million, long prompts ten times that; cheap a tenth; dear-x and =evil()-x have no price. */
    private static PriceBook prices() {
        Map<Rate, Long> dollars = Map.of(Rate.INPUT, Money.DOLLAR, Rate.OUTPUT, 2 * Money.DOLLAR);
        Map<Rate, Long> tenfold = Map.of(Rate.INPUT, 10 * Money.DOLLAR, Rate.OUTPUT, 20 * Money.DOLLAR);
        Map<Rate, Long> dimes = Map.of(Rate.INPUT, Money.DOLLAR / 10, Rate.OUTPUT, Money.DOLLAR / 5);
        PriceSettings gpt = new PriceSettings(Long.MIN_VALUE, Long.MAX_VALUE, dollars, 900, tenfold, Map.of(), "");
        Map<String, List<PriceSettings>> models =
                Map.of("gpt-x", List.of(gpt), "cheap", List.of(PriceSettings.always(dimes)));
        return new PriceBook(
                new PricesSettings(Map.of("openai", new PriceList(models, Map.of())), null),
                List.of(new PriceList(models, Map.of())),
                Set.of("simulator"));
    }

    @Test
    void pastCallsAreToldAtAnotherModelsPrices() throws Exception {
        book();
        JsonNode repriced = ask("GET", "/admin/v1/usage/reprice?model=openai/cheap", null);
        assertThat(repriced.path("data").findValuesAsString("model")).containsExactly("=evil()", "dear", "gpt");
        // 1,000 at a tenth of a dollar a million and 20 at a fifth; what was recovered has no tokens
        assertThat(repriced.at("/data/2/repriced").asString()).isEqualTo("$0.000104");
        assertThat(repriced.at("/data/2/calls").asLong()).isEqualTo(2);
        assertThat(repriced.at("/data/2/estimated").asLong()).isEqualTo(1);
        assertThat(repriced.at("/total/cost").asString()).isEqualTo("$1.000000224");
        assertThat(ask("GET", "/admin/v1/usage/reprice?model=trial", null).at("/total/repriced"))
                .as("what is simulated costs what the catalogue says")
                .isEqualTo(repriced.at("/total/repriced"));
        // its prompt of 1,000 is a long one there: ten times as dear
        assertThat(ask("GET", "/admin/v1/usage/reprice?model=openai/gpt-x&of=gpt", null)
                        .at("/total/repriced")
                        .asString())
                .isEqualTo("$0.0104");
        assertThat(ask("GET", "/admin/v1/usage/reprice?model=openai/cheap&of=gpt&output_percent=150", null)
                        .at("/total/repriced")
                        .asString())
                .isEqualTo("$0.000106");
        assertThat(refused("/admin/v1/usage/reprice?model=openai/unheard"))
                .startsWith("model: openai/unheard has no price (expected: a model that has one");
        assertThat(refused("/admin/v1/usage/reprice?of=gpt"))
                .isEqualTo("model: is missing (expected: at whose prices)");
        assertThat(refused("/admin/v1/usage/reprice?model=openai/cheap&from=2020-01-01"))
                .startsWith("from: more than 367 days before to");
    }

    @Test
    void anotherEffortChangesTheReasoningAloneByAFactorThatTheOperatorStates() throws Exception {
        try (Ledger ledger = ledger()) {
            Usage usage = new Usage.Builder()
                    .freshInput(1_000)
                    .textOutput(100)
                    .reasoningOutput(300)
                    .build();
            hold(ledger, "gpt", 50).settle(bill(1, usage, false));
        }
        String at = "/admin/v1/usage/reprice?model=openai/cheap";
        assertThat(total(ask("GET", at, null))).isEqualTo("$0.00018");
        JsonNode high = ask("GET", at + "&effort=high=250", null);
        assertThat(total(high)).as("750 tokens of reasoning").isEqualTo("$0.00027");
        assertThat(high.path("assumes").toString())
                .contains("At effort high it thinks 250% of the tokens", "Of what was generated 75% was reasoning.");
        assertThat(total(ask("GET", at + "&effort=none", null))).isEqualTo("$0.00012");
        assertThat(total(ask("GET", at + "&output_percent=50", null))).isEqualTo("$0.00014");
        assertThat(refused(at + "&effort=high"))
                .startsWith(
                        "effort: high (expected: the effort and a percentage of the reasoning tokens that were, such"
                                + " as high=250, or none; nobody publishes");
        assertThat(refused(at + "&effort=high=10001")).contains("at most 10000 percent");
        assertThat(refused(at + "&effort=high=200&output_percent=50")).startsWith("effort: high=200 beside");
    }

    private static String total(JsonNode repriced) {
        return repriced.at("/total/repriced").asString();
    }

    @Test
    void anInvoiceIsHeldAgainstTheBooksWithWhatExplainsIt() throws Exception {
        book();
        JsonNode found = reconciled("date,model,cost,tokens\n2026-11-21,openai/GPT-X-2026-01-31,2.00,1020\n"
                + "2026-11-21,dear-x,0.00000005,10\n2026-11-20,other,7,5\n2026-11-21,other,0.01,5");
        assertThat(found.at("/booked").asString()).isEqualTo("$1.000000224");
        assertThat(found.at("/difference").asString()).isEqualTo("$8.009999826");
        Map<String, List<String>> reasons = new TreeMap<>();
        for (JsonNode each : found.path("data")) {
            reasons.put(
                    each.path("day").asString().substring(8) + " "
                            + each.path("model").asString(),
                    each.path("because").findValuesAsString("reason"));
        }
        assertThat(reasons)
                .isEqualTo(Map.of(
                        "20 other", List.of("not_through_gateway"),
                        "21 other", List.of("not_through_gateway"),
                        "21 =evil()-x", List.of("not_in_invoice"),
                        "21 dear-x", List.of("rounding"),
                        "21 gpt-x", List.of("recovered", "price")));

        JsonNode more = reconciled("day;model;amount;input_tokens;output_tokens\n2026-11-21;dear-x;5;900;100");
        assertThat(more.path("data").get(1).path("because").findValuesAsString("reason"))
                .containsExactly("overrun", "unpriced", "not_through_gateway");
        assertThat(more.path("data")
                        .get(1)
                        .path("because")
                        .findValuesAsString("text")
                        .getLast())
                .startsWith("990 tokens are in the invoice only");
        JsonNode none = reconciled("date,model,cost\n2026-11-21,gpt-x,1.000000061");
        assertThat(none.path("data").get(2).path("because")).isEmpty();
        assertThat(said("POST", "/admin/v1/usage/reconcile", invoice("date,model,cost\n2026-12-01,m,1"))
                        .message())
                .isEqualTo("csv: line 2, column date: '2026-12-01' (expected: a day of 2026-11)");
    }

    private JsonNode reconciled(String csv) {
        return ask("POST", "/admin/v1/usage/reconcile", invoice(csv));
    }

    private static ObjectNode invoice(String csv) {
        return Json.object().put("provider", "openai").put("month", "2026-11").put("csv", csv);
    }

    private String refused(String path) {
        return said("GET", path, null).message();
    }

    private JsonNode ask(String method, String path, @Nullable ObjectNode body) {
        Desk.Said said = said(method, path, body);
        assertThat(said.done()).as(path + " " + said.body()).isTrue();
        return said.body();
    }

    private Desk.Said said(String method, String path, @Nullable ObjectNode body) {
        return new LocalDesk(api, Actor.folder("test")).ask(method, path, body);
    }
}
