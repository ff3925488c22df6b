package dev.lockkeeper.admin;

import dev.lockkeeper.access.Access;
import dev.lockkeeper.access.Organization;
import dev.lockkeeper.access.Project;

/** Ids of what operators name by id or by name. */
final class Named {
    private Named() {}

    /**
     * The id of what limits and budgets are on. What nobody has stays as it is written, and so do keys, models and
     * providers.
     *
     * @param kind {@code organization}, {@code project}, {@code end-user} …
     * @param named an id or a name; of an end user {@code PROJECT/USER}
     */
    static String id(Access access, String kind, String named) {
        return switch (kind) {
            case "organization" -> {
                Organization organization = access.tenants().organization(named);
                yield organization == null ? named : organization.id();
            }
            case "project" -> project(access, named);
            case "end-user" -> {
                int slash = named.indexOf('/');
                yield slash < 1 ? named : project(access, named.substring(0, slash)) + named.substring(slash);
            }
            default -> named;
        };
    }

    /** There is no project of this id, or none that alone has this name. */
    static Reply noProject(String named) {
        return Reply.error(
                404,
                "There is no project " + named
                        + ", or several have this name. 'lockkeeper project list' shows their ids.");
    }

    private static String project(Access access, String named) {
        Project project = access.tenants().project(named);
        return project == null ? named : project.id();
    }
}
