package dev.lockkeeper.admin;

import dev.lockkeeper.ledger.Balance;
import dev.lockkeeper.ledger.Scope;
import dev.lockkeeper.units.Money;
import java.util.List;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** Who knows of money that is on an organization or a project, which then can't be deleted. */
@FunctionalInterface
public interface Tenancy {
    /**
     * What is on it, such as {@code budget bud_3 of $25.00, with $3.10 spent and $0.00 held}; null: nothing. Blocks.
     *
     * @param id {@code org_…} or {@code proj_…}
     */
    @Nullable String moneyOn(String id);

    /**
     * By the budgets that stand: those on the tenant itself, and those on end users and keys of a project.
     *
     * @param projects the id of a key's project; empty where there is no such key
     */
    static Tenancy of(Supplier<List<Balance>> balances, UnaryOperator<String> projects) {
        return id -> balances.get().stream()
                .filter(each -> covers(each.budget().scope(), id, projects))
                .findFirst()
                .map(each -> "budget " + each.budget().id() + " of "
                        + new Money(each.budget().terms().amountNanos()) + ", with " + new Money(each.spentNanos())
                        + " spent and " + new Money(each.heldNanos()) + " held")
                .orElse(null);
    }

    private static boolean covers(Scope scope, String id, UnaryOperator<String> projects) {
        return switch (scope.kind()) {
            case ORGANIZATION, PROJECT -> scope.id().equals(id);
            case END_USER -> scope.id().startsWith(id + "/");
            case KEY -> projects.apply(scope.id()).equals(id);
            case MODEL, PROVIDER -> false;
        };
    }
}
