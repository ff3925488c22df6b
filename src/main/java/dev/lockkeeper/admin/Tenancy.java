package dev.lockkeeper.admin;

import org.jspecify.annotations.Nullable;

/** Who knows of money that is on an organization or a project, which then can't be deleted. */
@FunctionalInterface
public interface Tenancy {
    /**
     * What is on it, such as {@code a budget of $25 with $3.10 spent}; null: nothing. Blocks.
     *
     * @param id {@code org_…} or {@code proj_…}
     */
    @Nullable String moneyOn(String id);
}
