package dev.lockkeeper.admin;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.ledger.Balance;
import dev.lockkeeper.ledger.Budget;
import dev.lockkeeper.ledger.Period;
import dev.lockkeeper.ledger.Scope;
import java.time.ZoneOffset;
import java.util.List;
import org.junit.jupiter.api.Test;

class TenancyTest {
    private static final long DOLLAR = 1_000_000_000L;

    @Test
    void aBudgetOnATenantOrOnAnEndUserOfAProjectIsMoneyOnIt() {
        Tenancy tenancy = Tenancy.of(
                () -> List.of(
                        balance(1, new Scope(Scope.Kind.PROJECT, "proj_a")),
                        balance(2, Scope.endUser("proj_b", "ann")),
                        balance(3, new Scope(Scope.Kind.MODEL, "org_c")),
                        balance(4, new Scope(Scope.Kind.KEY, "key_d"))),
                key -> key.equals("key_d") ? "proj_d" : "");

        assertThat(tenancy.moneyOn("proj_a")).contains("bud_1", "$25", "$3", "$1");
        assertThat(tenancy.moneyOn("proj_b")).contains("bud_2");
        assertThat(tenancy.moneyOn("proj_d")).contains("bud_4");
        assertThat(tenancy.moneyOn("org_c")).as("a model of that name").isNull();
        assertThat(tenancy.moneyOn("proj_")).isNull();
    }

    private static Balance balance(long number, Scope scope) {
        Budget budget = new Budget(
                number,
                scope,
                new Period(Period.Unit.TOTAL, ZoneOffset.UTC),
                false,
                new Budget.Terms(25 * DOLLAR, true, List.of()),
                0);
        return new Balance(budget, 0, 1, 25 * DOLLAR, 21 * DOLLAR, DOLLAR, 0, 3 * DOLLAR, 0);
    }
}
