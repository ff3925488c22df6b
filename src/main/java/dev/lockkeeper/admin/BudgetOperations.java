package dev.lockkeeper.admin;

import dev.lockkeeper.access.Access;
import dev.lockkeeper.access.KeyInfo;
import dev.lockkeeper.access.Organization;
import dev.lockkeeper.access.Project;
import dev.lockkeeper.access.Right;
import dev.lockkeeper.db.Listing;
import dev.lockkeeper.db.Page;
import dev.lockkeeper.db.Slice;
import dev.lockkeeper.db.Witness;
import dev.lockkeeper.ledger.Alerts;
import dev.lockkeeper.ledger.Balance;
import dev.lockkeeper.ledger.Budget;
import dev.lockkeeper.ledger.Budgets;
import dev.lockkeeper.ledger.Period;
import dev.lockkeeper.ledger.Scope;
import dev.lockkeeper.units.Money;
import java.time.DateTimeException;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/** What the admin API does with budgets, and with what is told of them. */
public final class BudgetOperations {
    private static final String BUDGETS = "/admin/v1/budgets";
    private static final String ALERTS = "/admin/v1/alerts";

    /** Of a name or an id. */
    private static final Shape.Text NAME = new Shape.Text(300);

    /** What amounts can be is said by {@link Money#parse} and {@link Budgets}. */
    private static final Shape.Text AMOUNT = new Shape.Text(40);

    private static final Shape.Text ZONE = new Shape.Text(60);
    private static final Shape.Flag FLAG = new Shape.Flag();
    private static final Shape.ListOf PERCENTS =
            new Shape.ListOf(new Shape.Whole(Integer.MIN_VALUE, Integer.MAX_VALUE), 20);
    private static final Shape.Whole PERCENT = new Shape.Whole(Integer.MIN_VALUE, Integer.MAX_VALUE);
    private static final Shape MAYBE_TIME = new Shape.OrNull(new Shape.Time());
    private static final Shape MAYBE_NAME = new Shape.OrNull(NAME);
    private static final Shape.Word KIND = new Shape.Word(
            Arrays.stream(Scope.Kind.values()).map(Scope.Kind::word).toList());
    private static final Shape.Word PERIOD = new Shape.Word(
            Arrays.stream(Period.Unit.values()).map(Period.Unit::text).toList());
    private static final Shape.Word STATE = new Shape.Word(
            Arrays.stream(Alerts.State.values()).map(Alerts.State::word).toList());

    private static final String ABOUT_ALERTS =
            "Percentages of the amount at which an alert is told, ascending. Default: 50, 75, 90, 100.";
    private static final String ABOUT_SURGE =
            "At how many percent of what this hour of the week usually costs an alert is told; 0: never. Default: 300.";
    private static final String ABOUT_FALLBACK =
            "The model that calls go to for which too little is left; null: they are refused.";

    private static final Shape.Struct TERMS = Shape.struct("BudgetTerms")
            .with("id", Shape.text(), "Its id, bud_…")
            .with("scope_kind", KIND, "Whose spending counts.")
            .with("scope_id", NAME, "Which one's.")
            .with("amount", AMOUNT, "How much may be spent in each period, such as $12.50.")
            .with("period", PERIOD, "How often it begins anew.")
            .with("time_zone", ZONE, "By whose clocks.")
            .with("hard", FLAG, "Whether calls are refused, and streams ended, when it is used up.")
            .with("carry_over", FLAG, "Whether the unused part is added to the next period, at most one period's.")
            .with("alerts", PERCENTS, ABOUT_ALERTS)
            .with("surge_percent", PERCENT, ABOUT_SURGE)
            .with("fallback_model", MAYBE_NAME, ABOUT_FALLBACK)
            .with("created_at", new Shape.Time(), "When it was made.");

    private static final Shape.Struct BUDGET = new Shape.Struct("Budget", TERMS.members())
            .with("object", Shape.word("budget"), "What this is.")
            .with("state", Shape.word("open", "closed"), "Whether it bounds anything.")
            .with("period_start", MAYBE_TIME, "When the current period began; null: always.")
            .with("period_end", MAYBE_TIME, "When it ends; null: never.")
            .with(
                    "granted",
                    AMOUNT,
                    "The amount of this period, with what was carried over: free + held + elsewhere + spent.")
            .with("free", AMOUNT, "What new calls may take; below zero after an overrun or a lowered amount.")
            .with("held", AMOUNT, "Set aside for calls under way, on the server that answers.")
            .with("elsewhere", AMOUNT, "Leased to other servers that share the budget, and not spent.")
            .with("spent", AMOUNT, "Booked.")
            .with("overrun", AMOUNT, "Of that, what upstreams billed beyond what they were allowed.");

    private static final Shape.Struct WANTED = Shape.struct("NewBudget")
            .with("scope_kind", KIND, "whose spending counts")
            .with(
                    "scope_id",
                    NAME,
                    "which one's: the id or name of an organization or project, the id of a key, PROJECT/USER, the name"
                            + " of a model or provider")
            .with("amount", AMOUNT, "how much may be spent in each period, such as $12.50")
            .with("period", PERIOD, "how often it begins anew")
            .optional("time_zone", ZONE, "By whose clocks. Default: UTC.")
            .optional("hard", FLAG, "Whether calls are refused when it is used up. Default: true.")
            .optional("carry_over", FLAG, "Whether the unused part is added to the next period. Default: false.")
            .optional("alerts", PERCENTS, ABOUT_ALERTS)
            .optional("surge_percent", PERCENT, ABOUT_SURGE)
            .optional("fallback_model", MAYBE_NAME, ABOUT_FALLBACK);

    private static final Shape.Struct CHANGE = Shape.struct("BudgetChange")
            .optional("amount", AMOUNT, "How much may be spent in each period, such as $12.50.")
            .optional("hard", FLAG, "Whether calls are refused when it is used up.")
            .optional("alerts", PERCENTS, ABOUT_ALERTS)
            .optional("surge_percent", PERCENT, ABOUT_SURGE)
            .optional("fallback_model", MAYBE_NAME, ABOUT_FALLBACK);

    private static final Shape.Struct ALERT = Shape.struct("Alert")
            .with("object", Shape.word("alert"), "What this is.")
            .with("id", Shape.text(), "The same each time it is told.")
            .with(
                    "kind",
                    Shape.word("threshold", "surge", "overrun"),
                    "A percentage of a budget is reached, an hour costs a multiple of what it usually does, or a provider"
                            + " billed more than was set aside and the budget could pay.")
            .with("text", Shape.text(), "A sentence for people.")
            .with("at", new Shape.Time(), "When it was seen.")
            .with("from", MAYBE_TIME, "When the period began, or the hour; null: always.")
            .with("percent", PERCENT, "How much of the base is reached.")
            .with("base", AMOUNT, "What the budget grants, what the hour usually costs, or what was set aside.")
            .with("spent", AMOUNT, "What was booked by then.")
            .with("budget", TERMS, "Which budget.")
            .with("state", STATE, "What became of it.")
            .with("tries", new Shape.Whole(0, Integer.MAX_VALUE), "How often it was sent.")
            .with("next_try_at", MAYBE_TIME, "When it is sent again; null: not.")
            .with("trouble", Shape.text(), "Why the last try failed; empty: none did.");

    private final Supplier<Budgets> budgets;
    private final Access access;
    private final Offered offered;

    private BudgetOperations(Supplier<Budgets> budgets, Access access, Offered offered) {
        this.budgets = budgets;
        this.access = access;
        this.offered = offered;
    }

    /**
     * The operations.
     *
     * @param budgets asked for when they are needed: without a server that opens the ledger
     */
    public static List<Operation> of(Supplier<Budgets> budgets, Alerts alerts, Access access, Offered offered) {
        BudgetOperations desk = new BudgetOperations(budgets, access, offered);
        return List.of(
                Pages.in(Operation.get(
                                BUDGETS,
                                "listBudgets",
                                "Lists the budgets that stand, the oldest first, and how they stand.",
                                Pages.of(BUDGET),
                                desk::list))
                        .takes("scope_kind", KIND, "Only those of this kind of scope.")
                        .takes("scope_id", NAME, "Only those of this one: an id, or with scope_kind a name.")
                        .needs(Right.MONEY_READ),
                Operation.post(
                                BUDGETS,
                                "createBudget",
                                "Makes a budget. It applies at once, also to calls under way.",
                                WANTED,
                                BUDGET,
                                desk::create)
                        .needs(Right.MONEY_WRITE)
                        .creates(),
                Operation.get(
                                BUDGETS + "/{id}",
                                "getBudget",
                                "Tells of one budget, and how it stands.",
                                BUDGET,
                                asked -> {
                                    Balance balance = desk.find(asked.id());
                                    return balance == null ? unknown(asked) : Reply.json(200, json(balance, true));
                                })
                        .needs(Right.MONEY_READ),
                Operation.patch(
                                BUDGETS + "/{id}",
                                "changeBudget",
                                "Gives a budget other terms. They apply at once, also to calls under way.",
                                CHANGE,
                                BUDGET,
                                desk::change)
                        .needs(Right.MONEY_WRITE),
                Operation.post(
                                BUDGETS + "/{id}/close",
                                "closeBudget",
                                "Ends a budget: it bounds nothing any more. What was booked stays in the books.",
                                null,
                                BUDGET,
                                desk::close)
                        .needs(Right.MONEY_WRITE),
                Pages.in(Operation.get(
                                ALERTS,
                                "listAlerts",
                                "Lists what was told of budgets, the newest first.",
                                Pages.of(ALERT),
                                asked -> alerts(alerts, asked)))
                        .takes("state", STATE, "Only those of which this became.")
                        .takes("budget", Shape.text(), "Only those of the budget with this id.")
                        .needs(Right.MONEY_READ));
    }

    private Reply list(Inquiry asked) {
        String kind = asked.asked("scope_kind");
        String named = asked.asked("scope_id");
        String id = kind == null || named == null ? named : Named.id(access, kind, named);
        Page page = Pages.asked(asked);
        long after = page.after() == null ? 0 : number(page.after());
        if (after < 0) {
            throw Listing.gone(page);
        }
        return Pages.reply(
                Slice.of(
                        budgets.get().balances().stream()
                                .filter(each -> kind == null
                                        || each.budget().scope().kind().word().equals(kind))
                                .filter(each ->
                                        id == null || each.budget().scope().id().equals(id))
                                .sorted(Comparator.comparingLong(
                                        each -> each.budget().number()))
                                .filter(each -> each.budget().number() > after),
                        page),
                each -> each.budget().id(),
                each -> json(each, true));
    }

    /** A budget's number by its id; below 0 where it is none. A page may begin behind a budget that is closed by now. */
    private static long number(String id) {
        return id.matches("bud_\\d{1,18}") ? Long.parseLong(id.substring("bud_".length())) : -1;
    }

    private Reply create(Inquiry asked) {
        Place place = place(Scope.Kind.of(asked.text("scope_kind")), asked.text("scope_id"));
        List<Integer> percents = asked.has("alerts") ? percents(asked) : Budget.Terms.DEFAULT_ALERTS;
        Budget.Wanted wanted = new Budget.Wanted(
                place.scope,
                new Period(
                        Period.Unit.valueOf(asked.text("period").toUpperCase(Locale.ROOT)),
                        zone(asked.text("time_zone", "UTC"))),
                asked.flag("carry_over", false),
                new Budget.Terms(
                        amount(asked),
                        asked.flag("hard", true),
                        percents,
                        (int) asked.whole("surge_percent", Budget.Terms.DEFAULT_SURGE),
                        fallback(asked)));
        return done(asked, 201, budgets.get().create(wanted, place.within, witness(asked, "budget.create")));
    }

    private Reply change(Inquiry asked) {
        Balance before = find(asked.id());
        if (before == null) {
            return unknown(asked);
        }
        Budget budget = before.budget();
        Budget.Terms terms = budget.terms();
        Budget.Terms wanted = new Budget.Terms(
                asked.has("amount") ? amount(asked) : terms.amountNanos(),
                asked.flag("hard", terms.hard()),
                asked.has("alerts") ? percents(asked) : terms.alertPercents(),
                (int) asked.whole("surge_percent", terms.surgePercent()),
                asked.has("fallback_model") ? fallback(asked) : terms.fallbackModel());
        return done(
                asked,
                200,
                budgets.get().change(budget.number(), wanted, within(budget.scope()), witness(asked, "budget.change")));
    }

    private Reply close(Inquiry asked) {
        Balance before = find(asked.id());
        if (before == null) {
            return unknown(asked);
        }
        return switch (budgets.get().close(before.budget().number(), witness(asked, "budget.close"))) {
            case Budgets.Changed.Done _ -> Reply.json(200, json(before, false));
            case Budgets.Changed.Refused _ -> unknown(asked);
        };
    }

    private Reply done(Inquiry asked, int status, Budgets.Changed changed) {
        return switch (changed) {
            case Budgets.Changed.Done(Budget budget) -> {
                Balance balance = find(budget.id());
                yield balance == null ? unknown(asked) : Reply.json(status, json(balance, true));
            }
            case Budgets.Changed.Refused(String field, String value, String reason) -> {
                if (field.equals("budget")) {
                    yield unknown(asked);
                }
                throw new IllegalArgumentException(
                        field + ": " + value + (reason.startsWith("expected: ") ? " (" + reason + ")" : ": " + reason));
            }
        };
    }

    private Witness witness(Inquiry asked, String action) {
        return access.audit().witness(asked.who(), action);
    }

    private @Nullable Balance find(String id) {
        return budgets.get().balances().stream()
                .filter(each -> each.budget().id().equals(id))
                .findFirst()
                .orElse(null);
    }

    private static Reply unknown(Inquiry asked) {
        String id = asked.ids().getOrDefault("id", "");
        return Reply.error(404, "No budget " + id + " stands. 'lockkeeper budgets list' shows those that do.");
    }

    private static long amount(Inquiry asked) {
        try {
            return Money.parse(asked.text("amount")).nanos();
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("amount: " + e.getMessage(), e);
        }
    }

    private static List<Integer> percents(Inquiry asked) {
        List<Integer> percents = new ArrayList<>();
        asked.body().path("alerts").forEach(each -> percents.add(each.asInt()));
        return percents;
    }

    private static ZoneId zone(String name) {
        try {
            return ZoneId.of(name);
        } catch (DateTimeException e) {
            throw new IllegalArgumentException(
                    "time_zone: " + name + " (expected: a time zone, such as Europe/Berlin, America/New_York or UTC)",
                    e);
        }
    }

    private String fallback(Inquiry asked) {
        String model = asked.text("fallback_model", "");
        if (!model.isEmpty() && !offered.model(model)) {
            throw new IllegalArgumentException(
                    "fallback_model: " + model + " is not known (expected: one of the models of the configuration)");
        }
        return model;
    }

    /**
     * A scope that there is.
     *
     * @param within the scopes that it lies in
     */
    private record Place(Scope scope, List<Scope> within) {}

    private Place place(Scope.Kind kind, String id) {
        return switch (kind) {
            case ORGANIZATION -> {
                Organization organization = access.tenants().organization(id);
                if (organization == null) {
                    throw missing("organization " + id, "an id or name that 'lockkeeper org list' shows");
                }
                yield new Place(new Scope(kind, organization.id()), List.of());
            }
            case PROJECT -> {
                Project project = project(id);
                yield place(new Scope(kind, project.id()));
            }
            case END_USER -> {
                int slash = id.indexOf('/');
                if (slash < 1 || slash == id.length() - 1) {
                    throw new IllegalArgumentException("scope_id: " + id + " (expected: PROJECT/USER)");
                }
                Project project = project(id.substring(0, slash));
                yield place(Scope.endUser(project.id(), id.substring(slash + 1)));
            }
            case KEY -> {
                if (access.keys().get(id) == null) {
                    throw missing("key " + id, "an id that 'lockkeeper keys list' shows");
                }
                yield place(new Scope(kind, id));
            }
            case MODEL -> {
                if (!offered.model(id)) {
                    throw missing("model " + id, "a name under models in the configuration");
                }
                yield new Place(new Scope(kind, id), List.of());
            }
            case PROVIDER -> {
                if (!offered.provider(id)) {
                    throw missing("provider " + id, "a name under providers in the configuration");
                }
                yield new Place(new Scope(kind, id), List.of());
            }
        };
    }

    private Place place(Scope scope) {
        return new Place(scope, within(scope));
    }

    /** The scopes that a scope lies in; those that are gone are left out. */
    private List<Scope> within(Scope scope) {
        return switch (scope.kind()) {
            case ORGANIZATION, MODEL, PROVIDER -> List.of();
            case PROJECT -> {
                Project project = access.tenants().project(scope.id());
                yield project == null
                        ? List.of()
                        : List.of(new Scope(Scope.Kind.ORGANIZATION, project.organizationId()));
            }
            case KEY -> {
                KeyInfo key = access.keys().get(scope.id());
                yield key == null ? List.of() : above(key.projectId());
            }
            case END_USER -> above(scope.id().substring(0, scope.id().indexOf('/')));
        };
    }

    private List<Scope> above(String project) {
        Scope scope = new Scope(Scope.Kind.PROJECT, project);
        List<Scope> all = new ArrayList<>(List.of(scope));
        all.addAll(within(scope));
        return all;
    }

    private Project project(String id) {
        Project project = access.tenants().project(id);
        if (project == null) {
            throw missing("project " + id, "an id that 'lockkeeper project list' shows, or a name that only one has");
        }
        return project;
    }

    private static IllegalArgumentException missing(String what, String expected) {
        return new IllegalArgumentException("scope_id: " + what + " is not known (expected: " + expected + ")");
    }

    private static ObjectNode json(Balance balance, boolean open) {
        return balance.budget()
                .json()
                .put("object", "budget")
                .put("state", open ? "open" : "closed")
                .put("period_start", balance.startMillis() == Long.MIN_VALUE ? null : Json.time(balance.startMillis()))
                .put("period_end", balance.endMillis() == Long.MAX_VALUE ? null : Json.time(balance.endMillis()))
                .put("granted", new Money(balance.grantedNanos()).toString())
                .put("free", new Money(balance.freeNanos()).toString())
                .put("held", new Money(balance.heldNanos()).toString())
                .put("elsewhere", new Money(balance.elsewhereNanos()).toString())
                .put("spent", new Money(balance.spentNanos()).toString())
                .put("overrun", new Money(balance.overrunNanos()).toString());
    }

    private static Reply alerts(Alerts alerts, Inquiry asked) {
        String state = asked.asked("state");
        String budget = asked.asked("budget");
        return Pages.reply(
                alerts.list(
                        state == null ? null : Alerts.State.named(state),
                        budget == null ? null : (Long) number(budget),
                        Pages.asked(asked)),
                each -> each.alert().id(),
                BudgetOperations::json);
    }

    private static ObjectNode json(Alerts.Told told) {
        return told.alert()
                .json()
                .put("object", "alert")
                .put("state", told.state().word())
                .put("tries", told.tries())
                .put("next_try_at", told.state() == Alerts.State.WAITING ? Json.time(told.nextMillis()) : null)
                .put("trouble", told.trouble());
    }
}
