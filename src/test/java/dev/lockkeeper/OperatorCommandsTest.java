package dev.lockkeeper;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Commands on organizations, projects, keys, people, tokens and the log of changes, on a folder without server. */
class OperatorCommandsTest {
    @TempDir
    Path temp;

    private record Ran(int code, String out, String err) {
        JsonNode json() {
            return JsonMapper.shared().readTree(out);
        }
    }

    @Test
    void anOrganizationIsMadeChangedClosedAndDeleted() {
        assertThat(run("org", "create", "Acme", "--markup", "2.5").err()).contains("Organization Acme (org_");
        assertThat(run("org", "list").out()).contains("Acme", "2.50%", "open", "default");
        assertThat(run("org", "change", "Acme", "--name", "Acme Ltd", "--markup", "-10", "--json")
                        .json()
                        .path("markup_basis_points")
                        .asInt())
                .isEqualTo(-1_000);
        assertThat(run("org", "close", "Acme Ltd").err()).contains("is closed; its keys are refused");
        Ran closed = run("keys", "create", "k", "--org", "Acme Ltd", "--project", "web");
        assertThat(closed.code()).isEqualTo(2);
        assertThat(closed.err()).contains("organization: Acme Ltd is closed");
        assertThat(run("org", "open", "Acme Ltd").code()).isZero();
        assertThat(run("project", "create", "web", "--org", "Acme Ltd").code()).isZero();
        Ran inUse = run("org", "delete", "Acme Ltd");
        assertThat(inUse.code()).isEqualTo(1);
        assertThat(inUse.err()).contains("has 1 project; delete them first", "lockkeeper org close Acme Ltd");
        assertThat(run("project", "delete", "web").code()).isZero();
        assertThat(run("org", "delete", "Acme Ltd").code()).isZero();
        assertThat(run("org", "create", "X", "--markup", "much").err())
                .contains("--markup: much (expected: percent with at most 2 decimals, such as 2.5 or -10)");
        assertThat(run("org", "revoke", "nobody").code()).isEqualTo(1);
    }

    @Test
    void aProjectSaysWhatItsTestKeysReach() {
        run("project", "create", "web", "--test-providers", "cheap,local");
        assertThat(run("project", "list").out()).contains("cheap,local", "simulated providers");
        assertThat(run("project", "change", "web", "--test-providers", "--json")
                        .json()
                        .path("test_providers"))
                .isEmpty();
        assertThat(run("project", "revoke", "web").err()).contains("refused for good");
        assertThat(run("project", "open", "web").err()).contains("state: web is revoked");
    }

    @Test
    void aProjectIsBoundToRegionsWithinItsOrganizations() {
        assertThat(run("org", "create", "Acme", "--regions", "eu,ch").code()).isZero();
        assertThat(run("project", "create", "web", "--org", "Acme", "--regions", "ch")
                        .code())
                .isZero();
        assertThat(run("project", "list").out()).contains("REGIONS", "ch", "its organization's");
        assertThat(run("org", "list").out()).contains("REGIONS", "eu,ch", "anywhere");
        Ran wide = run("project", "change", "web", "--regions", "us");
        assertThat(wide.code()).isEqualTo(2);
        assertThat(wide.err()).contains("regions: project web has us, and its organization eu, ch");
        assertThat(run("project", "change", "web", "--name", "site", "--json")
                        .json()
                        .at("/regions/0")
                        .asString())
                .isEqualTo("ch");
        assertThat(run("project", "change", "site", "--regions", "--json")
                        .json()
                        .path("regions"))
                .isEmpty();
        assertThat(run("org", "change", "Acme", "--regions", "--json").json().path("regions"))
                .isEmpty();
        assertThat(run("org", "change", "Acme", "--regions", "Europe").err()).contains("such as eu");
    }

    @Test
    void aShareIsChangedForEverybodyAndForATenantAndTakenBack() {
        assertThat(run("flags", "set", "auto", "new", "5%").err())
                .contains("The case new of model auto for everybody has 5% of the calls.");
        run("project", "create", "web");
        assertThat(run("flags", "set", "auto", "new", "100", "--project", "web").err())
                .contains("for project web has 100% of the calls");
        assertThat(run("flags", "set", "auto", "new", "0%", "--org", "default", "--json")
                        .json()
                        .path("share_basis_points")
                        .asInt(-1))
                .isZero();
        assertThat(run("flags", "set", "auto", "new", "2.5", "--project", "web", "--json")
                        .json()
                        .path("share_basis_points")
                        .asInt())
                .isEqualTo(250);
        assertThat(run("flags", "list").out())
                .contains("everybody", "5%", "project web", "2.5%", "organization default", "0%");
        assertThat(run("flags", "list", "--project", "web", "--json").json().path("data"))
                .hasSize(1);
        assertThat(run("flags", "remove", "auto", "new", "--project", "web").err())
                .contains("The share of case new of model auto for project web is no longer changed.");
        Ran again = run("flags", "remove", "auto", "new", "--project", "web");
        assertThat(again.code()).isEqualTo(1);
        assertThat(again.err()).contains("There is no such flag");
        assertThat(run("flags", "remove", "auto", "new").code()).isZero();
        assertThat(run("flags", "list", "--json").json().path("data")).hasSize(1);
        for (String bad : List.of("101", "-5", "1.234", "half")) {
            Ran refused = run("flags", "set", "auto", "new", bad);
            assertThat(refused.code()).as(bad).isEqualTo(2);
            assertThat(refused.err()).as(bad).contains("SHARE: " + bad + " (expected: ");
        }
        assertThat(run("audit", "list").out()).contains("flag.set", "flag.remove");
    }

    @Test
    void aKeyIsBoundAndUnboundAndRotatedWithAnOverlap() {
        JsonNode key = run(
                        "keys",
                        "create",
                        "nightly",
                        "--expires",
                        "90d",
                        "--networks",
                        "10.0.0.0/8,192.0.2.7",
                        "--tools",
                        "none",
                        "--environment",
                        "staging",
                        "--json")
                .json();
        assertThat(key.path("networks").toString()).isEqualTo("[\"10.0.0.0/8\",\"192.0.2.7/32\"]");
        assertThat(key.path("tools").toString()).isEqualTo("[\"none\"]");
        assertThat(Instant.parse(key.path("expires_at").asString()))
                .isAfter(Instant.now().plusSeconds(89 * 86_400));
        String id = key.path("id").asString();

        JsonNode changed = run(
                        "keys", "change", id, "--networks", "--expires", "never", "--tools", "web_search", "--json")
                .json();
        assertThat(changed.path("networks")).isEmpty();
        assertThat(changed.path("expires_at").isNull()).isTrue();
        assertThat(changed.path("environment").asString()).as("was left out").isEqualTo("staging");
        assertThat(changed.path("tools").toString()).isEqualTo("[\"web_search\"]");

        assertThat(run("keys", "rotate", id, "--overlap", "10m", "--json")
                        .json()
                        .path("previous_until")
                        .isString())
                .isTrue();
        assertThat(run("keys", "rotate", id, "--overlap", "soon").err())
                .contains("--overlap: soon (expected: a while such as 30s, 10m, 12h or 7d)");
        assertThat(run("keys", "change", id, "--expires", "soon").err())
                .contains("--expires: soon (expected: 2026-12-31, ");
        for (String option : List.of("--networks", "--tools", "--models")) {
            // A variable that is not set must not take a bound away.
            Ran empty = run("keys", "change", id, option, "");
            assertThat(empty.code()).isEqualTo(2);
            assertThat(empty.err()).contains(option + ": is empty (expected: some, divided by commas");
            assertThat(run("keys", "create", "x", option, ",").code()).isEqualTo(2);
        }
        assertThat(run("keys", "change", id, "--tools", "websearch").err()).contains("tools: websearch (expected:");
        assertThat(run("keys", "change", id, "--networks", "10.0.0.1/8").err()).contains("(expected: 10.0.0.0/8)");
        assertThat(run("keys", "list", "--project", "default").out()).contains("nightly", "staging");
    }

    @Test
    void usageIsToldWrittenAndComparedOnAFolder() throws Exception {
        run("project", "create", "web");
        assertThat(run("usage", "--by", "project,day").out()).contains("PROJECT", "DAY", "CALLS", "all");
        assertThat(run("usage", "--csv", "--by", "key").out()).startsWith("key,calls,estimated,cost_nanos");
        assertThat(run("usage", "--by", "colour").err()).contains("by: colour (expected: some of organization");
        assertThat(run("usage", "--csv", "--json").code()).isEqualTo(2);

        Path page = temp.resolve("page.html");
        assertThat(run("usage", "statement", "--project", "web", "--month", "2026-11", "--out", page.toString())
                        .code())
                .isZero();
        assertThat(Files.readString(page)).startsWith("<!doctype html>").contains("November 2026", "web");
        assertThat(run("usage", "statement", "--project", "nobody").code()).isEqualTo(1);

        Path invoice = Files.writeString(temp.resolve("invoice.csv"), "date,model,cost\n2026-11-03,gpt,1.25\n");
        String file = invoice.toString();
        assertThat(run("usage", "reconcile", "--provider", "p", "--month", "2026-11", "--file", file)
                        .out())
                .contains("2026-11-03", "$1.25", "did not go through this gateway");
        Ran mistaken = run("usage", "reconcile", "--provider", "p", "--month", "2026-10", "--file", file);
        assertThat(mistaken.code()).isEqualTo(2);
        assertThat(mistaken.err()).contains("csv: line 2, column date: '2026-11-03' (expected: a day of 2026-10)");

        assertThat(run("usage", "reprice", "--model", "gpt-4o").out()).contains("REPRICED", "generates as many tokens");
        assertThat(run("usage", "reprice", "--model", "no-such-model").err()).contains("has no price");
        assertThat(run("usage", "overruns").err()).contains("No provider billed more");
    }

    @Test
    void peopleAreInvitedAndTokensMadeAndRevoked() {
        Ran invited = run("people", "invite", "Ann", "ann@example.com", "--role", "developer");
        assertThat(invited.out()).matches("/invitation#lk-invite-[0-9A-Za-z]{49}\n");
        String id =
                run("people", "invitations", "--json").json().at("/data/0/id").asString();
        assertThat(run("people", "uninvite", id).code()).isZero();
        assertThat(run("people", "uninvite", id).code()).isEqualTo(1);
        assertThat(run("people", "list").err()).contains("There is nobody yet");
        assertThat(run("people", "invite", "Ann", "ann@example.com", "--role", "boss")
                        .err())
                .contains("role: \"boss\" (expected: owner, admin, developer or viewer)");

        Ran made = run("tokens", "create", "ci", "--scopes", "keys:write,audit:read", "--expires", "2999-12-31");
        assertThat(made.out()).matches("lk-admin-[0-9A-Za-z]{49}\n");
        Ran list = run("tokens", "list");
        assertThat(list.out()).contains("ci", "2999-12-31T00:00:00Z", "keys:write,audit:read");
        assertThat(list.out()).doesNotContain(made.out().strip());
        String token = run("tokens", "list", "--json").json().at("/data/0/id").asString();
        assertThat(run("tokens", "revoke", token).err()).contains("is revoked");
        assertThat(run("tokens", "create", "x", "--scopes", "keys").err()).contains("scopes[0]: \"keys\" (expected:");
    }

    @Test
    void theLogIsShownAndABrokenRowNamed() throws Exception {
        run("org", "create", "Acme");
        run("org", "close", "Acme");
        run("org", "open", "Acme");
        assertThat(run("audit", "list").out()).contains("organization.close", System.getProperty("user.name"));
        Ran whole = run("audit", "verify");
        assertThat(whole.code()).isZero();
        assertThat(whole.out()).matches("[0-9a-f]{64}\n");
        assertThat(run("audit", "verify", "--head", whole.out().strip()).code()).isZero();
        assertThat(run("audit", "verify", "--head", "0".repeat(63) + "1").code())
                .isEqualTo(1);

        try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + temp.resolve("data/lockkeeper.db"));
                Statement statement = connection.createStatement()) {
            statement.execute("DROP TRIGGER audit_stays");
            statement.execute("UPDATE audit SET actor_name = 'nobody' WHERE seq = 2");
        }
        Ran broken = run("audit", "verify");
        assertThat(broken.code()).isEqualTo(1);
        assertThat(broken.err()).contains("broken at row 2", "1 rows before it fit");
        Ran json = run("audit", "verify", "--json");
        assertThat(json.code()).isEqualTo(1);
        assertThat(json.json().path("broken").asInt()).isEqualTo(2);
    }

    @Test
    void aFolderWithoutDatabaseIsNotMadeByChangingWhatIsNotThere() {
        for (List<String> each : List.of(
                List.of("org", "close", "x"),
                List.of("keys", "rotate", "key_x"),
                List.of("tokens", "list"),
                List.of("audit", "verify"))) {
            Ran ran = run(each.toArray(String[]::new));
            assertThat(ran.code()).isEqualTo(1);
            assertThat(ran.err()).contains("no database in");
        }
        assertThat(Files.exists(temp.resolve("data"))).isFalse();
    }

    private Ran run(String... args) {
        List<String> all = new ArrayList<>(List.of(args));
        all.addAll(List.of("--data", temp.resolve("data").toString()));
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        int code = Main.run(
                new Shell(Map.of(), new PrintWriter(out), new PrintWriter(err), false), all.toArray(String[]::new));
        return new Ran(code, out.toString(), err.toString());
    }
}
