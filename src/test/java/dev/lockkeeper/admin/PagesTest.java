package dev.lockkeeper.admin;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.access.Access;
import dev.lockkeeper.access.Actor;
import dev.lockkeeper.db.Database;
import dev.lockkeeper.ledger.Alerts;
import dev.lockkeeper.ledger.Budget;
import dev.lockkeeper.ledger.Budgets;
import dev.lockkeeper.ledger.Ledger;
import dev.lockkeeper.ledger.LedgerSettings;
import dev.lockkeeper.ledger.Period;
import dev.lockkeeper.ledger.Scope;
import dev.lockkeeper.limits.Limits;
import dev.lockkeeper.limits.QuotaRequests;
import dev.lockkeeper.testing.OnBothStores;
import dev.lockkeeper.testing.Stores;
import dev.lockkeeper.units.Bytes;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.IntFunction;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.statement.PreparedBatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.Parameter;
import tools.jackson.databind.JsonNode;

/** Lists of thousands, page by page. */
@OnBothStores
class PagesTest {
    private static final Actor OWNER = Actor.folder("test");
    private static final int MANY = 2_105;
    private static final int SOME = 220;

    /** Rows of one moment; a page ends in the middle of them. */
    private static final int AT_ONCE = 7;

    @Parameter
    Stores store = Stores.SQLITE;

    @TempDir
    Path temp;

    private Database database;
    private Limits limits;
    private Ledger ledger;
    private Api api;
    private Desk desk;

    @BeforeEach
    void open() throws Exception {
        database = store.open(temp);
        database.write(PagesTest::fill, _ -> {});
        limits = Limits.open(database, Clock.systemUTC(), System::nanoTime);
        Access access = Access.open(database, Clock.systemUTC(), new SecureRandom(), System::nanoTime);
        ledger = Ledger.open(database, temp.resolve("journal"), 1, Clock.systemUTC(), LedgerSettings.DEFAULT);
        api = new Api(List.of(
                KeyOperations.of(access.keys()),
                TenantOperations.of(access.tenants(), _ -> null, Offered.ANYTHING),
                LimitOperations.of(limits, new QuotaRequests(database, limits, new SecureRandom()), access),
                BudgetOperations.of(ledger::budgets, new Alerts(database), access, Offered.ANYTHING),
                PeopleOperations.of(access.people()),
                AuditOperations.of(access.audit())));
        desk = new LocalDesk(api, OWNER);
    }

    @AfterEach
    void close() throws Exception {
        ledger.close();
        limits.close();
        database.close();
    }

    /** Rows in an order that is not that of their ids, several in each moment. */
    private static boolean fill(Handle handle) {
        Random random = new Random(7);
        List<String> ids = new ArrayList<>();
        for (int i = 0; i < MANY; i++) {
            ids.add(Integer.toString(random.nextInt(100_000) * MANY + i, 36));
        }
        rows(handle, "organizations (id, name, created)", i -> new Object[] {"org_" + ids.get(i), "o" + i, moment(i)});
        rows(handle, "projects (id, organization, name, created)", i -> new Object[] {
            "proj_" + ids.get(i), i % 10 == 0 ? "org_default" : "org_" + ids.get(i), "p" + i, moment(i)
        });
        rows(handle, "keys (id, project, name, kind, hash, last4, models, created)", i -> new Object[] {
            "key_" + ids.get(i),
            i % 5 == 0 ? "proj_default" : "proj_" + ids.get(i),
            "k" + i,
            "live",
            hash(i),
            "abcd",
            "",
            moment(i)
        });
        rows(handle, "people (id, name, email, role, created)", i ->
                new Object[] {"person_" + ids.get(i), "Ann", "a@b", "viewer", moment(i)});
        rows(handle, "invitations (id, name, email, role, hash, created, expires)", i ->
                new Object[] {"inv_" + ids.get(i), "Ann", "a@b", "viewer", hash(i), moment(i), 5});
        rows(handle, "admin_tokens (id, name, person, scopes, hash, last4, created)", i -> new Object[] {
            "token_" + ids.get(i), "t", "person_" + ids.get(i), "keys:read", hash(i), "abcd", moment(i)
        });
        rows(handle, "limits (kind, subject, measure, amount, burst, changed)", i ->
                new Object[] {"key", "key_" + ids.get(i), "requests-per-day", 5, 5, moment(i)});
        rows(
                handle,
                "quota_requests (id, kind, subject, measure, amount, burst, reason, link, asked_by, asked, state,"
                        + " decided_by, note)",
                i -> new Object[] {
                    "quota_" + ids.get(i),
                    "project",
                    i % 3 == 0 ? "proj_default" : "proj_" + ids.get(i),
                    "requests-per-day",
                    5,
                    5,
                    "why",
                    "",
                    "Ann",
                    moment(i),
                    i % 2 == 0 ? "waiting" : "refused",
                    "",
                    ""
                });
        return true;
    }

    private static long moment(int i) {
        return 1_000L + Math.floorDiv(i, AT_ONCE);
    }

    private static byte[] hash(int i) {
        return ("a hash of 32 characters " + (10_000_000 + i)).getBytes(StandardCharsets.UTF_8);
    }

    /** Writes {@link #MANY} rows. */
    private static void rows(Handle handle, String into, IntFunction<Object[]> row) {
        String places = into.replaceAll("[^,]", "").replace(",", "?, ") + "?";
        try (PreparedBatch batch = handle.prepareBatch("INSERT INTO " + into + " VALUES (" + places + ")")) {
            for (int i = 0; i < MANY; i++) {
                Object[] values = row.apply(i);
                for (int column = 0; column < values.length; column++) {
                    batch.bind(column, values[column]);
                }
                batch.add();
            }
            batch.execute();
        }
    }

    @Test
    void everyListIsReadToItsEndWithoutGapsAndRepeats() {
        everything("/admin/v1/organizations", MANY + 1);
        everything("/admin/v1/projects", MANY + 1);
        everything("/admin/v1/keys", MANY);
        everything("/admin/v1/people", MANY);
        everything("/admin/v1/invitations", MANY);
        everything("/admin/v1/tokens", MANY);
        // Four that every database starts with.
        everything("/admin/v1/limits", MANY + 4);
        everything("/admin/v1/quota-requests", MANY);
    }

    @Test
    void aFilterHoldsOnEveryPage() {
        everything("/admin/v1/projects?organization=default", MANY / 10 + 2);
        everything("/admin/v1/keys?project=default", MANY / 5);
        everything("/admin/v1/keys?project=proj_default", MANY / 5);
        everything("/admin/v1/keys?project=proj_default&organization=default", MANY / 5);
        everything("/admin/v1/keys?organization=o1", 1);
        everything("/admin/v1/limits?kind=key", MANY);
        everything("/admin/v1/quota-requests?state=waiting", MANY / 2 + 1);
        everything("/admin/v1/quota-requests?kind=project&id=default", MANY / 3 + 1);
        String person = page("/admin/v1/people", "limit=1").path("last_id").asString();
        everything("/admin/v1/tokens?person=" + person, 1);
        refused("/admin/v1/keys", "project=nowhere", "project: nowhere (expected: the id or name");
        refused("/admin/v1/projects", "organization=nobody", "organization: nobody (expected: the id or name");
    }

    @Test
    void budgetsTheirAlertsAndTheLogOfChangesComeInPagesToo() {
        Budgets budgets = ledger.budgets();
        for (int i = 0; i < SOME; i++) {
            Budget.Terms terms = new Budget.Terms(0, true, List.of(100));
            budgets.create(
                    new Budget.Wanted(
                            Scope.endUser("proj_default", "user" + i),
                            new Period(Period.Unit.DAY, java.time.ZoneOffset.UTC),
                            false,
                            terms),
                    List.of(),
                    dev.lockkeeper.db.Witness.NOBODY);
        }
        everything("/admin/v1/budgets?scope_kind=end-user", SOME);
        everything("/admin/v1/budgets?scope_kind=end-user&scope_id=default/user7", 1);
        assertThat(page("/admin/v1/budgets", "limit=3&after=bud_10")
                        .path("data")
                        .findValuesAsString("id"))
                .containsExactly("bud_11", "bud_12", "bud_13");
        budgets.close(11, dev.lockkeeper.db.Witness.NOBODY);
        assertThat(page("/admin/v1/budgets", "limit=1&after=bud_11")
                        .path("last_id")
                        .asString())
                .as("a page may begin behind a budget that was closed")
                .isEqualTo("bud_12");
        refused("/admin/v1/budgets", "after=11", "after: 11 is not known");

        database.write(
                handle -> {
                    rows(
                            handle,
                            "alerts (id, kind, budget, period_start, percent, base, spent, seen, state, tries, next_try,"
                                    + " trouble)",
                            i -> new Object[] {
                                "an-alert:" + i, "threshold", i % 2 + 1, 0, 50, 0, 0, moment(i), "logged", 0, 0, ""
                            });
                    rows(handle, "audit (seq, at, actor, actor_name, action, subject, hash)", i -> new Object[] {
                        i + 1, 0, "a", "a", "key.revoke", i % 2 == 0 ? "key_a" : "key_b", "0".repeat(64)
                    });
                    return true;
                },
                _ -> {});
        everything("/admin/v1/alerts?state=logged", MANY);
        everything("/admin/v1/alerts?state=logged&budget=bud_2", MANY / 2);
        everything("/admin/v1/audit", MANY);
        everything("/admin/v1/audit?subject=key_a", MANY / 2 + 1);
        assertThat(page("/admin/v1/audit", "limit=2&before=100").path("data").findValuesAsString("seq"))
                .containsExactly("99", "98");
    }

    @Test
    void aPageStaysWhereItIsWhateverIsAddedOrGoesBeforeIt() {
        JsonNode first = page("/admin/v1/projects", "limit=50");
        assertThat(first.path("has_more").asBoolean()).isTrue();
        String last = first.path("last_id").asString();
        assertThat(last).isEqualTo(first.path("data").get(49).path("id").asString());
        assertThat(first.path("first_id").asString()).isEqualTo("proj_default");
        JsonNode second = page("/admin/v1/projects", "limit=50&after=" + last);
        String gone = first.path("data").get(20).path("id").asString();
        assertThat(api.answer(OWNER, "POST", "/admin/v1/projects", null, Bytes.utf8("{\"name\": \"new\"}"))
                        .status())
                .isEqualTo(201);
        database.write(handle -> handle.execute("UPDATE keys SET revoked = 1"), _ -> {});
        assertThat(api.answer(OWNER, "DELETE", "/admin/v1/projects/" + gone, null, Bytes.EMPTY)
                        .status())
                .isEqualTo(200);

        assertThat(ids(page("/admin/v1/projects", "limit=50&after=" + last))).isEqualTo(ids(second));
        assertThat(page("/admin/v1/projects", "limit=1000&after=" + gone + "&organization=default")
                        .at("/error/message")
                        .asString())
                .isEqualTo(
                        "after: " + gone + " is not known (expected: the last_id of the page before; what it named may"
                                + " be gone, then begin anew)");
    }

    @Test
    void aPageThatCanNotBeIsRefused() {
        for (String list : List.of("keys", "projects", "people", "limits", "budgets", "alerts", "audit")) {
            String path = "/admin/v1/" + list;
            refused(path, "limit=0", "limit: 0 (expected: a whole number from 1 to 1000)");
            refused(path, "limit=1001", "limit: 1001 (expected");
            refused(path, "limit=ten", "limit: \"ten\" (expected");
            refused(path, "after=nobody/none", "after: nobody/none is not known (expected: the last_id");
        }
        assertThat(page("/admin/v1/keys", "").path("data")).hasSize(100);
        JsonNode none = page("/admin/v1/alerts", "state=given_up");
        assertThat(none.path("data")).isEmpty();
        assertThat(none.path("last_id").isNull()).isTrue();
        assertThat(none.path("has_more").asBoolean()).isFalse();
    }

    /** Reads a list in pages of two sizes, and as commands do. */
    private void everything(String path, int count) {
        JsonNode all = desk.all(path).body();
        List<String> ids = ids(all);
        assertThat(ids).as(path).hasSize(count).doesNotHaveDuplicates();
        assertThat(all.path("has_more").asBoolean()).as(path).isFalse();
        List<String> small = new ArrayList<>();
        String plain = path.split("\\?")[0];
        String query = (path.contains("?") ? path.split("\\?")[1] + "&" : "") + "limit=198";
        JsonNode page = page(plain, query);
        small.addAll(ids(page));
        while (page.path("has_more").asBoolean()) {
            assertThat(page.path("data")).hasSize(198);
            page = page(
                    plain, query + "&after=" + Desk.escaped(page.path("last_id").asString()));
            small.addAll(ids(page));
        }
        assertThat(small).as(path).isEqualTo(ids);
    }

    private static List<String> ids(JsonNode page) {
        List<String> ids = new ArrayList<>();
        page.path("data")
                .forEach(each -> ids.add(each.path("request_id")
                        .asString(each.path("id").asString(each.path("seq").asString())
                                + each.path("measure").asString(""))));
        return ids;
    }

    private JsonNode page(String path, String query) {
        Reply reply = api.answer(OWNER, "GET", path, query, Bytes.EMPTY);
        return Desk.Said.of(reply.status(), reply.contentType(), reply.body().utf8())
                .body();
    }

    private void refused(String path, String query, String message) {
        Reply reply = api.answer(OWNER, "GET", path, query, Bytes.EMPTY);
        assertThat(reply.status()).as(path + "?" + query).isEqualTo(400);
        JsonNode error = page(path, query).path("error");
        assertThat(error.path("message").asString()).startsWith(message);
        assertThat(error.path("param").asString()).isEqualTo(message.substring(0, message.indexOf(':')));
    }
}
