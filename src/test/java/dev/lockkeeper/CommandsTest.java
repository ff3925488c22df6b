package dev.lockkeeper;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.access.Access;
import dev.lockkeeper.access.Caller;
import dev.lockkeeper.access.Presented;
import dev.lockkeeper.admin.Json;
import dev.lockkeeper.db.Database;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CommandsTest {
    @TempDir
    Path temp;

    private record Ran(int code, String out, String err) {}

    private static Ran run(String... args) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        int code = Main.run(new Shell(Map.of(), new PrintWriter(out), new PrintWriter(err), false), args);
        return new Ran(code, out.toString(), err.toString());
    }

    private Ran keys(String... args) {
        return onData("keys", args);
    }

    private Ran onData(String command, String... args) {
        List<String> all = new ArrayList<>(List.of(command));
        all.addAll(List.of(args));
        all.addAll(List.of("--data", temp.resolve("data").toString()));
        return run(all.toArray(String[]::new));
    }

    @Test
    void everyCommandTeachesWithHelp() {
        for (String command : List.of(
                "",
                "serve",
                "check",
                "keys",
                "keys create",
                "keys list",
                "keys change",
                "keys rotate",
                "keys revoke",
                "org",
                "org create",
                "org list",
                "org change",
                "org close",
                "org open",
                "org revoke",
                "org delete",
                "project",
                "project create",
                "project list",
                "project change",
                "project close",
                "project open",
                "project revoke",
                "project delete",
                "people",
                "people invite",
                "people invitations",
                "people uninvite",
                "people list",
                "people role",
                "people remove",
                "tokens",
                "tokens create",
                "tokens list",
                "tokens revoke",
                "audit",
                "audit list",
                "audit verify",
                "limits",
                "limits list",
                "limits set",
                "limits remove",
                "limits request",
                "limits requests",
                "limits approve",
                "limits refuse",
                "usage",
                "usage statement",
                "usage overruns",
                "usage reconcile",
                "usage reprice",
                "budgets",
                "budgets create",
                "budgets list",
                "budgets show",
                "budgets change",
                "budgets close",
                "budgets alerts",
                "prices",
                "prices list",
                "prices check",
                "route",
                "reload",
                "backup",
                "restore",
                "doctor",
                "health",
                "simulate",
                "version")) {
            Ran help = run((command + " --help").strip().split(" "));
            assertThat(help.code()).as(command).isZero();
            assertThat(help.out()).as(command).contains("Usage: lockkeeper " + command, "--help");
            assertThat(help.out().lines()).as(command).allMatch(line -> line.length() <= 110);
        }
        assertThat(run("--help").out()).contains("Exit codes: 0", "curl", "serve", "check", "keys");
        assertThat(run("serve", "--help").out()).contains("--admin-port", "Examples:", "OPENAI_API_KEY");
    }

    @Test
    void aMistypedCommandOrOptionEndsWithTwoAndWhatWasProbablyMeant() {
        Ran command = run("serv");
        assertThat(command.code()).isEqualTo(2);
        assertThat(command.err()).contains("serv", "Did you mean", "serve");
        Ran option = run("serve", "--prot", "1");
        assertThat(option.code()).isEqualTo(2);
        assertThat(option.err()).contains("--prot", "--port");
        assertThat(run().code()).isEqualTo(2);
        Ran group = run("keys");
        assertThat(group.code()).isEqualTo(2);
        assertThat(group.err()).contains("Which of create, list, change, rotate, revoke?");
        assertThat(run("serve", "--port", "eighty").err()).contains("eighty").contains("--port");
    }

    @Test
    void aKeyMadeWithoutAServerWorks() throws Exception {
        Ran created = keys("create", "ci", "--project", "search", "--models", "a,b");
        assertThat(created.code()).isZero();
        assertThat(created.out()).as("the key alone, for scripts").matches("lk-live-[0-9A-Za-z]{49}\n");
        assertThat(created.err()).contains("Project search is new", "shown this once", "key_");
        try (Database database = Database.open(temp.resolve("data"))) {
            Presented found = Access.open(database, Clock.systemUTC(), new SecureRandom(), System::nanoTime)
                    .keys()
                    .find(created.out().strip(), "127.0.0.1");
            assertThat(found).isInstanceOf(Presented.Known.class);
            Caller caller = ((Presented.Known) found).caller();
            assertThat(caller.models()).containsExactlyInAnyOrder("a", "b");
            assertThat(caller.project()).isEqualTo("search");
        }
    }

    @Test
    void keysAreListedReplacedAndRevoked() {
        String text = keys("create", "ci", "--test").out().strip();
        Ran list = keys("list");
        assertThat(list.out())
                .contains("ci", "default", "lk-test-…" + text.substring(text.length() - 4), "works", "all");
        assertThat(list.out()).doesNotContain(text);
        String id = list.out().lines().skip(1).findFirst().orElseThrow().split(" ")[0];

        Ran rotated = keys("rotate", id);
        assertThat(rotated.out()).matches("lk-test-[0-9A-Za-z]{49}\n").isNotEqualTo(text + "\n");
        assertThat(keys("list").out()).contains("replaced");

        assertThat(keys("revoke", id).err()).contains("revoked");
        assertThat(keys("list", "--json").out()).contains("\"revoked_at\" : \"20");
        Ran again = keys("rotate", id);
        assertThat(again.code()).isEqualTo(1);
        assertThat(again.err()).contains(id, "keys list");
        assertThat(keys("revoke", "key_nobody").code()).isEqualTo(1);
    }

    @Test
    void tenantsAreClosedOpenedAndDeletedByNameOrId() {
        assertThat(onData("org", "create", "Acme", "--markup", "5000").err())
                .contains("--markup: 5000 (expected: -100 to 1000 percent)");
        assertThat(onData("org", "create", "Acme", "--markup", "2.5").err())
                .matches("Organization Acme \\(org_\\w+\\) is made\\.\n");
        assertThat(onData("project", "create", "web", "--org", "Acme").code()).isZero();
        String id = onData("project", "list", "--org", "Acme")
                .out()
                .lines()
                .skip(1)
                .findFirst()
                .orElseThrow()
                .split(" ")[0];
        assertThat(onData("project", "close", "web").err())
                .isEqualTo("Project web (" + id + ") is closed; its keys are refused.\n");
        assertThat(onData("project", "open", id).err()).isEqualTo("Project web (" + id + ") is open.\n");
        assertThat(onData("project", "revoke", id, "--json").out()).contains("\"state\" : \"revoked\"");
        assertThat(onData("org", "delete", "Acme").code())
                .as("it has a project")
                .isEqualTo(1);
        assertThat(onData("project", "delete", id).err()).isEqualTo("Project " + id + " is deleted.\n");
        assertThat(onData("org", "delete", "Acme").err()).isEqualTo("Organization Acme is deleted.\n");
        assertThat(onData("org", "close", "Acme").code()).isEqualTo(1);
        Ran nobody = onData("org", "close");
        assertThat(nobody.code()).isEqualTo(2);
        assertThat(nobody.err()).contains("Missing required parameter: 'ORGANIZATION'");
    }

    @Test
    void invitationsAndTokensAreMadeListedAndTakenBack() {
        Ran invited = onData("people", "invite", "Ann", "ann@example.com", "--role", "viewer");
        assertThat(invited.err()).contains("Ann is invited (inv_");
        String invitation = invited.err().split("[()]")[1];
        assertThat(onData("people", "uninvite", invitation).err())
                .isEqualTo("Invitation " + invitation + " is taken back.\n");
        assertThat(onData("people", "invitations").out().lines().skip(1))
                .singleElement()
                .satisfies(line -> assertThat(line).matches(invitation + "  Ann  .*viewer .*  -  +20\\S+Z"));
        assertThat(onData("people", "remove", "person_nobody").code()).isEqualTo(1);

        Ran made = onData("tokens", "create", "ci", "--scopes", "keys:read,tenants:write", "--expires", "90d");
        String token = made.err().split("[()]")[1];
        assertThat(made.err()).contains("keys:read", "tenants:write").doesNotContain(made.out());
        assertThat(onData("tokens", "revoke", token).err()).isEqualTo("Token ci (" + token + ") is revoked.\n");
        assertThat(onData("tokens", "list").out())
                .contains(token)
                .doesNotContain(made.out().strip());
    }

    @Test
    void jsonHasTheTextWhereItIsNew() {
        Ran created = keys("create", "ci", "--json");
        assertThat(created.out()).contains("\"key\" : \"lk-live-", "\"new_project\" : false", "\"models\" : [ ]");
        assertThat(created.err()).isEmpty();
    }

    @Test
    void aNameThatCantBeIsAUsageMistake() {
        Ran created = keys("create", " ");
        assertThat(created.code()).isEqualTo(2);
        assertThat(created.err()).contains("name: is empty");
    }

    @Test
    void aFolderWithoutDatabaseIsNotMadeByLooking() {
        Ran list = keys("list");
        assertThat(list.code()).isEqualTo(1);
        assertThat(list.err()).contains("no database in", "--data");
        assertThat(temp.resolve("data")).doesNotExist();
    }

    @Test
    void aFolderInUseByAProcessThatIsNoServerIsNamedInTheEnd() throws Exception {
        Files.createDirectories(temp.resolve("data"));
        try (Database database = Database.open(temp.resolve("data"))) {
            Ran list = keys("list");
            assertThat(list.code()).isEqualTo(1);
            assertThat(list.err())
                    .contains("in use by this process", database.folder().toString());
            assertThat(list.err().lines()).hasSize(1);
        }
    }

    @Test
    void aFolderThatCantBeWrittenIsOneLine() throws Exception {
        Path file = Files.writeString(temp.resolve("file"), "");
        Ran created = run("keys", "create", "x", "--data", file.resolve("data").toString());
        assertThat(created.code()).isEqualTo(1);
        assertThat(created.err().lines()).singleElement().asString().contains(file.toString(), "--data");
    }

    @Test
    void aPortThatIsTakenIsOneLine() throws Exception {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            Ran simulate = run("simulate", "--port", Integer.toString(taken.getLocalPort()));
            assertThat(simulate.code()).isEqualTo(1);
            assertThat(simulate.err().lines())
                    .singleElement()
                    .asString()
                    .contains(Integer.toString(taken.getLocalPort()));
        }
    }

    @Test
    void whatTheSimulatorCantDoIsAUsageMistake() {
        Ran simulate = run("simulate", "--tokens", "0");
        assertThat(simulate.code()).isEqualTo(2);
        assertThat(simulate.err()).contains("--tokens: 0 (expected: 1 to");
    }

    @Test
    void theDoctorHasNothingToReachInTheSimulator() {
        Ran doctor = run("doctor");
        assertThat(doctor.code()).isZero();
        assertThat(doctor.out()).startsWith("ok    simulator  provider: ").contains("OPENAI_API_KEY");
        assertThat(run("doctor", "--json").out()).contains("\"state\" : \"ok\"");
    }

    @Test
    void theDoctorsFindingsAreTheExitCode() throws Exception {
        int nobody;
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            nobody = free.getLocalPort();
        }
        Path file = Files.writeString(temp.resolve("lockkeeper.yaml"), """
                providers:
                  own:
                    base-url: http://127.0.0.1:%d/v1
                    auth: none
                    private-addresses: true
                models:
                  m:
                    targets:
                      - provider: own
                        model: llama
                """.formatted(nobody));
        Ran doctor = run("doctor", "--config", file.toString());
        assertThat(doctor.err()).isEmpty();
        assertThat(doctor.code()).isEqualTo(1);
        assertThat(doctor.out()).contains("ok    own  dns", "fail  own  tcp", "base-url");
    }

    @Test
    void versionTellsTheJdk() {
        assertThat(run("version").out()).startsWith("lockkeeper ").contains("JDK " + Runtime.version());
    }

    @Test
    void checkPrintsWhatIsInForce() {
        assertThat(run("check").code()).isZero();
    }

    private Ran limits(String... args) {
        List<String> all = new ArrayList<>(List.of("limits"));
        all.addAll(List.of(args));
        all.addAll(List.of("--data", temp.resolve("data").toString()));
        return run(all.toArray(String[]::new));
    }

    @Test
    void limitsAreSetAndRemovedWithoutAServer() {
        assertThat(limits("list").code()).as("no database yet").isEqualTo(1);
        keys("create", "ci");
        assertThat(limits("list").out()).contains("organization", "requests-per-second", "org_default", "none");

        Ran set = limits("set", "end-user", "proj_default/*", "requests-per-minute", "30", "--burst", "10");
        assertThat(set.err()).isEqualTo("Limit of end-user proj_default/*: 30 requests per minute (burst 10).\n");
        assertThat(limits("list", "--json").out()).contains("\"proj_default/*\"", "30", "10");
        Ran refused = limits("set", "project", "proj_default", "requests-per-minute", "0");
        assertThat(refused.code()).isEqualTo(2);
        assertThat(refused.err()).contains("amount: 0 (expected: 1 to");
        assertThat(limits("set", "project", "proj_default", "requests-per-minute", "many")
                        .err())
                .contains("amount: many (expected: a whole number, or none)");

        Ran lower = limits("set", "project", "proj_default", "requests-per-minute", "20");
        assertThat(lower.err()).contains("Note: each end-user of project proj_default has a limit of 30");
        assertThat(limits("remove", "end-user", "proj_default/*").code()).isZero();
        assertThat(limits("remove", "end-user", "proj_default/*").code()).isEqualTo(1);
    }

    @Test
    void aWishForAnotherLimitIsApprovedWithoutAServer() {
        keys("create", "ci");
        String id = limits("request", "project", "proj_default", "tokens-per-day", "5000", "--reason", "a workshop")
                .out()
                .strip();
        assertThat(limits("requests", "--state", "waiting").out())
                .contains(id, "waiting", "5000 tokens per day", "a workshop");
        assertThat(limits("approve", id, "--note", "fine").err())
                .isEqualTo("Request " + id + " is approved: project proj_default, 5000 tokens per day.\n");
        assertThat(limits("list").out()).contains("tokens-per-day");
        Ran again = limits("refuse", id);
        assertThat(again.code()).isEqualTo(1);
        assertThat(again.err()).contains("approved before");
    }

    private Ran budgets(String... args) {
        List<String> all = new ArrayList<>(List.of("budgets"));
        all.addAll(List.of(args));
        all.addAll(List.of("--data", temp.resolve("data").toString()));
        return run(all.toArray(String[]::new));
    }

    @Test
    void budgetsAreMadeShownChangedAndClosedWithoutAServer() {
        assertThat(budgets("list").code()).as("no database yet").isEqualTo(1);
        Ran made = budgets("create", "project", "default", "12.50usd", "--period", "month", "--alerts", "80,100");
        assertThat(made.err())
                .isEqualTo("Budget bud_1 of project proj_default: $12.50 per month, hard, $12.50 free.\n");
        assertThat(made.out()).isEqualTo("bud_1\n");
        assertThat(budgets("list").out())
                .contains("bud_1", "project proj_default", "[....................]", "0%", "$12.50", "hard");
        assertThat(budgets("change", "bud_1", "--amount", "$20", "--surge", "0", "--fallback-model", "cheap")
                        .err())
                .isEqualTo("Budget bud_1 of project proj_default: $20.00 per month, hard, $20.00 free.\n");
        assertThat(budgets("show", "bud_1").out())
                .contains("granted  $20.00", "alerts   at 80,100%; surge at 0%", "calls go to cheap");
        assertThat(budgets("list", "--json").out()).contains("\"fallback_model\" : \"cheap\"");

        Ran bare = budgets("create", "project", "default", "2.50", "--period", "day");
        assertThat(bare.code()).isEqualTo(2);
        assertThat(bare.err()).contains("amount: 2.50 (expected: 12.50usd, or '$12.50' in quotes");
        assertThat(budgets("create", "project", "nobody", "1usd", "--period", "day")
                        .err())
                .contains("scope_id: project nobody is not known");
        assertThat(budgets("create", "project", "default", "1usd", "--period", "year")
                        .err())
                .contains("period: \"year\" (expected: hour, day, week, month or total)");
        assertThat(budgets("change", "bud_1").err()).contains("nothing to change");
        assertThat(budgets("change", "bud_9", "--soft").code()).isEqualTo(1);

        assertThat(budgets("create", "end-user", "default/ann", "0usd", "--period", "total")
                        .code())
                .isZero();
        assertThat(budgets("list").out()).contains("end-user proj_default/ann");
        assertThat(run(
                                "project",
                                "delete",
                                "default",
                                "--data",
                                temp.resolve("data").toString())
                        .err())
                .contains("has money on it: budget bud_1");
        assertThat(budgets("close", "bud_1").err()).contains("is closed");
        assertThat(budgets("show", "bud_1").code()).isEqualTo(1);
    }

    @Test
    void aBarShowsWhatIsSpentAndHeld() {
        assertThat(bar("$10.00", "$5.00", "$2.00")).isEqualTo("[#####++...]");
        assertThat(bar("$10.00", "$0.01", "$0.00")).isEqualTo("[#.........]");
        assertThat(bar("$10.00", "$9.99", "$0.00")).isEqualTo("[#########.]");
        assertThat(bar("$10.00", "$10.00", "$0.00")).isEqualTo("[##########]");
        assertThat(bar("$10.00", "$8.00", "$3.00")).isEqualTo("[########++]!");
        assertThat(bar("$0.00", "$0.00", "$0.00")).isEqualTo("[..........]");
        assertThat(bar("$0.00", "$1.00", "$0.00")).isEqualTo("[##########]!");
        assertThat(bar("$1000000000.00", "$999999999.00", "$0.00")).isEqualTo("[#########.]");
    }

    private static String bar(String granted, String spent, String held) {
        return BudgetsCommand.bar(
                Json.object().put("granted", granted).put("spent", spent).put("held", held), 10);
    }

    private Ran configured(String yaml, String... args) throws Exception {
        Path file = temp.resolve("prices.yaml");
        Files.writeString(file, yaml);
        List<String> all = new ArrayList<>(List.of(args));
        all.addAll(List.of("--config", file.toString()));
        return run(all.toArray(String[]::new));
    }

    private static final String UNPRICED = """
            providers: {openai: {base-url: https://api.example.com/v1, auth: none}, simulator: {}}
            models: {gpt-4o: openai, mine: openai, free: simulator, odd: openai/gpt-image-1}
            """;

    @Test
    void modelsWithoutPriceAreNamedAndTheExitCodeTells() throws Exception {
        Ran missing = configured(UNPRICED, "prices", "check");
        assertThat(missing.code()).isEqualTo(1);
        assertThat(missing.out())
                .isEqualTo("openai/mine: no price; its calls are refused\n"
                        + "openai/gpt-image-1: no price; its calls are refused\n");
        assertThat(missing.err()).contains("prices.unpriced");
        assertThat(configured(UNPRICED, "check").err())
                .contains("No price is known of openai/mine, openai/gpt-image-1: these are not asked.");

        String ruled = UNPRICED + "prices: {unpriced: {input: $1, output: $2}}\n";
        Ran taken = configured(ruled, "prices", "check");
        assertThat(taken.code()).isZero();
        assertThat(taken.out()).contains("openai/mine: no price; charged as prices.unpriced says");
        assertThat(configured(ruled, "check").err()).doesNotContain("No price is known");
        assertThat(configured(ruled, "prices", "check", "--json").out())
                .contains("\"refused\" : [ ]", "\"taken_as_unpriced\" : [ \"openai/mine\", \"openai/gpt-image-1\" ]");
    }

    @Test
    void everyTargetOfTheExampleHasAPrice() {
        StringWriter out = new StringWriter();
        Map<String, String> environment =
                Map.of("OPENAI_API_KEY", "sk-1", "AZURE_OPENAI_API_KEY", "2", "OPENROUTER_API_KEY", "3");
        int code = Main.run(
                new Shell(environment, new PrintWriter(out), new PrintWriter(new StringWriter()), false),
                "prices",
                "check",
                "--config",
                "examples/lockkeeper.yaml");
        assertThat(out.toString()).isEmpty();
        assertThat(code).isZero();
    }

    @Test
    void anAmountBelowZeroIsRefusedAsAnAmountAndNotAsAnOption() {
        assertThat(onData("keys", "create", "first").code()).isZero();
        Ran budget = onData("budgets", "create", "project", "default", "-5usd", "--period", "day");
        assertThat(budget.code()).isEqualTo(2);
        assertThat(budget.err()).contains("amount: -$5.00 (expected: $0.00 to");
        Ran limit = onData("limits", "set", "project", "default", "requests-per-minute", "-5");
        assertThat(limit.code()).isEqualTo(2);
        assertThat(limit.err()).contains("amount: -5 (expected: 1 to");
        assertThat(onData("budgets", "create", "project", "default", "5usd", "--period", "day", "--sotf")
                        .err())
                .contains("--sotf");
    }

    @Test
    void thePricesInUseAreListedWithTheirOrigin() throws Exception {
        String yaml = UNPRICED + "prices: {providers: {openai: {models: {mine: {input: $0.15, output: $1}}}}}\n";
        Ran list = configured(yaml, "prices", "list");
        assertThat(list.code()).isZero();
        assertThat(list.out().lines().map(line -> line.replaceAll(" +", " ")))
                .anyMatch(line -> line.startsWith("openai/gpt-4o $2.50 $1.25 $10.00 2026-07-24 catalogue litellm"))
                .contains("openai/mine $0.15 $1.00 written ", "openai/gpt-image-1 none ")
                .anyMatch(line -> line.startsWith("simulator/free $0.00 $0.00 simulated"));
        assertThat(configured(yaml, "prices", "list", "--json").out())
                .contains("\"input\" : \"$2.50\"", "\"share\" : \"50%\"", "\"priced\" : false");
        assertThat(configured(yaml, "prices", "list", "--all").out())
                .contains("openai/gpt-5.6-luna", "2026-07-01", "2026-10-01", "gemini/gemini-3.8-flash", "2027-01-01");
    }
}
