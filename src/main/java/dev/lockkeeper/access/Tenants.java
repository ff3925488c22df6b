package dev.lockkeeper.access;

import dev.lockkeeper.db.Database;
import dev.lockkeeper.db.Listing;
import dev.lockkeeper.db.Listing.Where;
import dev.lockkeeper.db.Page;
import dev.lockkeeper.db.Slice;
import java.time.Clock;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.mapper.RowMapper;
import org.jdbi.v3.core.statement.Query;
import org.jspecify.annotations.Nullable;

/**
 * Organizations, who pay, and their projects, which are budgeted. Blocks; any thread that may. Each change is in the log of
 * changes and counts for keys before the method that made it returns.
 */
public final class Tenants {
    /** The organization that every database starts with. */
    public static final String DEFAULT_ORGANIZATION = "org_default";

    /** The name of the project that every database starts with. */
    public static final String DEFAULT_PROJECT = "default";

    /** That project's id. */
    public static final String DEFAULT_PROJECT_ID = "proj_" + DEFAULT_PROJECT;

    /** A discount can't be more than all of it. */
    public static final int MIN_MARKUP = -10_000;

    /** Ten times the cost. */
    public static final int MAX_MARKUP = 100_000;

    /** Providers that a project may allow to test keys. */
    public static final int MAX_TEST_PROVIDERS = 100;

    private static final String ORGANIZATIONS = """
            SELECT o.id, o.name, o.created, o.markup, o.regions, o.closed, o.revoked,
                   (SELECT count(*) FROM projects p WHERE p.organization = o.id) AS projects,
                   (SELECT count(*) FROM keys k JOIN projects p ON p.id = k.project
                    WHERE p.organization = o.id AND k.revoked IS NULL) AS keys
            FROM organizations o
            """;

    /** Counting takes as long as there are many keys. */
    private static final String UNCOUNTED_ORGANIZATIONS = """
            SELECT o.id, o.name, o.created, o.markup, o.regions, o.closed, o.revoked, 0 AS projects, 0 AS keys
            FROM organizations o
            """;

    private static final Listing ORGANIZATION_LIST =
            new Listing(ORGANIZATIONS, "organizations", "o.", "created", false);

    private static final RowMapper<Organization> ORGANIZATION = (row, _) -> new Organization(
            row.getString("id"),
            row.getString("name"),
            row.getInt("markup"),
            row.getString("regions").lines().toList(),
            row.getLong("created"),
            state(row.getObject("closed"), row.getObject("revoked")),
            row.getInt("projects"),
            row.getInt("keys"));

    private static final String PROJECTS = """
            SELECT p.id, p.name, p.organization, p.test_providers, p.regions, p.created, p.closed, p.revoked,
                   (SELECT count(*) FROM keys k WHERE k.project = p.id AND k.revoked IS NULL) AS keys
            FROM projects p
            """;

    private static final String UNCOUNTED_PROJECTS = """
            SELECT p.id, p.name, p.organization, p.test_providers, p.regions, p.created, p.closed, p.revoked, 0 AS keys
            FROM projects p
            """;

    private static final Listing PROJECT_LIST = new Listing(PROJECTS, "projects", "p.", "created", false);

    private static final RowMapper<Project> PROJECT = (row, _) -> new Project(
            row.getString("id"),
            row.getString("name"),
            row.getString("organization"),
            row.getString("test_providers").lines().toList(),
            row.getString("regions").lines().toList(),
            row.getLong("created"),
            state(row.getObject("closed"), row.getObject("revoked")),
            row.getInt("keys"));

    private final Access access;
    private final Clock clock;
    private final Secrets secrets;

    Tenants(Access access, Clock clock, Secrets secrets) {
        this.access = access;
        this.clock = clock;
        this.secrets = secrets;
    }

    /** What came of a wish to delete. */
    public enum Deleted {
        DONE,
        /** There is no such thing. */
        UNKNOWN,
        /** It has keys or projects, or is one that every database starts with. */
        IN_USE
    }

    /**
     * Makes an organization.
     *
     * @param regions where its calls may be answered; empty: anywhere
     * @throws IllegalArgumentException when something can't be; the message may be shown to who asked
     */
    public Organization createOrganization(Actor who, String name, int markupBasisPoints, List<String> regions) {
        Names.check("name", name);
        checkMarkup(markupBasisPoints);
        List<String> bound = Regions.checked(regions);
        String id = secrets.id("org_");
        return access.change(handle -> {
            checkFree(handle, name, null);
            handle.createUpdate("INSERT INTO organizations (id, name, created, markup, regions) VALUES (?, ?, ?, ?, ?)")
                    .bind(0, id)
                    .bind(1, name)
                    .bind(2, clock.millis())
                    .bind(3, markupBasisPoints)
                    .bind(4, String.join("\n", bound))
                    .execute();
            Organization made = Objects.requireNonNull(organization(handle, id));
            access.audit().appendJson(handle, who, "organization.create", id, null, made.json());
            return made;
        });
    }

    /**
     * Organizations, the oldest first.
     *
     * @throws IllegalArgumentException when the page follows none that there is; the message may be shown
     */
    public Slice<Organization> organizations(Page page) {
        return ORGANIZATION_LIST.read(access.database(), page, List.of(), ORGANIZATION);
    }

    /** An organization by id or name; null for none. */
    public @Nullable Organization organization(String organization) {
        return access.database()
                .<@Nullable Organization>read(handle -> organization(handle, organization))
                .join();
    }

    /**
     * Changes an organization's name, markup or regions.
     *
     * @param organization id or name
     * @param name null: stays
     * @param markupBasisPoints null: stays
     * @param regions null: stay; each region of its projects must be among them
     * @return null when there is none
     * @throws IllegalArgumentException when something can't be; the message may be shown to who asked
     */
    public @Nullable Organization changeOrganization(
            Actor who,
            String organization,
            @Nullable String name,
            @Nullable Integer markupBasisPoints,
            @Nullable List<String> regions) {
        return access.<@Nullable Organization>change(handle -> {
            Organization before = organization(handle, organization);
            if (before == null) {
                return null;
            }
            String called = name == null ? before.name() : name;
            int markup = markupBasisPoints == null ? before.markupBasisPoints() : markupBasisPoints;
            Names.check("name", called);
            checkMarkup(markup);
            checkFree(handle, called, before.id());
            List<String> bound = regions == null ? before.regions() : Regions.checked(regions);
            if (!bound.equals(before.regions())) {
                handle.createQuery(UNCOUNTED_PROJECTS + " WHERE p.organization = ?")
                        .bind(0, before.id())
                        .map(PROJECT)
                        .forEach(each -> Regions.checkWithin(each.name(), each.regions(), bound));
            }
            handle.createUpdate("UPDATE organizations SET name = ?, markup = ?, regions = ? WHERE id = ?")
                    .bind(0, called)
                    .bind(1, markup)
                    .bind(2, String.join("\n", bound))
                    .bind(3, before.id())
                    .execute();
            return changed(handle, who, "organization.change", before);
        });
    }

    /**
     * Closes, opens or revokes an organization; its keys follow at once.
     *
     * @return null when there is none
     * @throws IllegalArgumentException when it is revoked: that is for good
     */
    public @Nullable Organization organizationBecomes(Actor who, String organization, TenantState state) {
        return access.<@Nullable Organization>change(handle -> {
            Organization before = organization(handle, organization);
            if (before == null || before.state() == state) {
                return before;
            }
            become(handle, "organizations", before.id(), before.name(), before.state(), state);
            return changed(handle, who, "organization." + verb(state), before);
        });
    }

    /** Deletes an organization that has no project. */
    public Deleted deleteOrganization(Actor who, String organization) {
        return access.change(handle -> {
            Organization before = organization(handle, organization);
            if (before == null) {
                return Deleted.UNKNOWN;
            }
            if (before.projects() > 0 || before.id().equals(DEFAULT_ORGANIZATION)) {
                return Deleted.IN_USE;
            }
            Flags.forget(handle, before.id());
            handle.execute("DELETE FROM organizations WHERE id = ?", before.id());
            access.audit().appendJson(handle, who, "organization.delete", before.id(), before.json(), null);
            return Deleted.DONE;
        });
    }

    /**
     * Makes a project.
     *
     * @param organization id or name
     * @param testProviders providers that its test keys may reach; empty: simulated ones
     * @param regions where its calls may be answered: some of its organization's where that has any; empty: where its
     *     organization's may be
     * @throws IllegalArgumentException when something can't be; the message may be shown to who asked
     */
    public Project createProject(
            Actor who, String organization, String name, List<String> testProviders, List<String> regions) {
        Names.check("name", name);
        Names.check("test_providers", testProviders, MAX_TEST_PROVIDERS);
        return access.change(handle -> {
            Organization payer = uncounted(handle, organization);
            if (payer == null) {
                throw new IllegalArgumentException("organization: " + organization
                        + " (expected: the id or name of one that there is; 'lockkeeper org list' shows them)");
            }
            if (uncounted(handle, payer.id(), name) != null) {
                throw new IllegalArgumentException(
                        "name: " + name + " (expected: one that no other project of the organization has)");
            }
            return make(handle, who, payer, name, testProviders, Regions.checked(regions));
        });
    }

    Project make(
            Handle handle,
            Actor who,
            Organization payer,
            String name,
            List<String> testProviders,
            List<String> regions) {
        if (payer.state() != TenantState.OPEN) {
            throw new IllegalArgumentException(
                    "organization: " + payer.name() + " is " + payer.state().word() + " (expected: an open one)");
        }
        Regions.checkWithin(name, regions, payer.regions());
        String id = secrets.id("proj_");
        handle.createUpdate("""
                        INSERT INTO projects (id, organization, name, created, test_providers, regions)
                        VALUES (?, ?, ?, ?, ?, ?)
                        """)
                .bind(0, id)
                .bind(1, payer.id())
                .bind(2, name)
                .bind(3, clock.millis())
                .bind(4, String.join("\n", testProviders))
                .bind(5, String.join("\n", regions))
                .execute();
        Project made = Objects.requireNonNull(project(handle, payer.id(), id));
        access.audit().appendJson(handle, who, "project.create", id, null, made.json());
        return made;
    }

    /**
     * Projects, the oldest first.
     *
     * @param organization id or name; null: of all organizations
     * @throws IllegalArgumentException when there is no such organization, or the page follows no project that there is;
     *     the message may be shown
     */
    public Slice<Project> projects(@Nullable String organization, Page page) {
        List<Where> where = organization == null
                ? List.of()
                : List.of(new Where("p.organization", payer(organization).id()));
        return PROJECT_LIST.read(access.database(), page, where, PROJECT);
    }

    /**
     * Whether it is a project's id, and not the name of one.
     *
     * @throws IllegalArgumentException when it is neither; the message may be shown
     */
    boolean isId(String project) {
        List<String> ids = access.database()
                .<List<String>>read(handle -> handle.createQuery("SELECT id FROM projects WHERE id = :it OR name = :it")
                        .bind("it", project)
                        .mapTo(String.class)
                        .list())
                .join();
        if (ids.isEmpty()) {
            throw new IllegalArgumentException("project: " + project
                    + " (expected: the id or name of one that there is; 'lockkeeper project list' shows them)");
        }
        return ids.contains(project);
    }

    /** What all organizations are called, by id. Blocks. */
    public Map<String, String> organizationNames() {
        return names(access.database(), "SELECT id, name FROM organizations", null);
    }

    /** What all projects are called, by id. Blocks. */
    public Map<String, String> projectNames() {
        return names(access.database(), "SELECT id, name FROM projects", null);
    }

    static Map<String, String> names(Database database, String select, @Nullable String value) {
        return database.<Map<String, String>>read(handle -> {
                    Query query = handle.createQuery(select);
                    if (value != null) {
                        query.bind(0, value);
                    }
                    Map<String, String> names = new HashMap<>();
                    query.map((row, _) -> Map.entry(row.getString("id"), row.getString("name")))
                            .forEach(each -> names.put(each.getKey(), each.getValue()));
                    return names;
                })
                .join();
    }

    Organization payer(String organization) {
        Organization payer = organization(organization);
        if (payer == null) {
            throw new IllegalArgumentException("organization: " + organization
                    + " (expected: the id or name of one that there is; 'lockkeeper org list' shows them)");
        }
        return payer;
    }

    /** A project by its id, or by its name where only one has it; null for none. */
    public @Nullable Project project(String project) {
        return access.database()
                .<@Nullable Project>read(handle -> project(handle, null, project))
                .join();
    }

    /**
     * Changes a project's name, the providers that its test keys reach, or its regions.
     *
     * @param project id, or a name that only one has
     * @param name null: stays
     * @param testProviders null: stays
     * @param regions null: stay; some of its organization's where that has any
     * @return null when there is none
     * @throws IllegalArgumentException when something can't be; the message may be shown to who asked
     */
    public @Nullable Project changeProject(
            Actor who,
            String project,
            @Nullable String name,
            @Nullable List<String> testProviders,
            @Nullable List<String> regions) {
        return access.<@Nullable Project>change(handle -> {
            Project before = project(handle, null, project);
            if (before == null) {
                return null;
            }
            String called = name == null ? before.name() : name;
            List<String> providers = testProviders == null ? before.testProviders() : testProviders;
            Names.check("name", called);
            Names.check("test_providers", providers, MAX_TEST_PROVIDERS);
            Project same = project(handle, before.organizationId(), called);
            if (same != null && !same.id().equals(before.id())) {
                throw new IllegalArgumentException(
                        "name: " + called + " (expected: one that no other project of the organization has)");
            }
            List<String> bound = regions == null ? before.regions() : Regions.checked(regions);
            if (!bound.equals(before.regions())) {
                Organization payer = Objects.requireNonNull(uncounted(handle, before.organizationId()));
                Regions.checkWithin(called, bound, payer.regions());
            }
            handle.createUpdate("UPDATE projects SET name = ?, test_providers = ?, regions = ? WHERE id = ?")
                    .bind(0, called)
                    .bind(1, String.join("\n", providers))
                    .bind(2, String.join("\n", bound))
                    .bind(3, before.id())
                    .execute();
            return changed(handle, who, "project.change", before);
        });
    }

    /**
     * Closes, opens or revokes a project; its keys follow at once.
     *
     * @return null when there is none
     * @throws IllegalArgumentException when it is revoked: that is for good
     */
    public @Nullable Project projectBecomes(Actor who, String project, TenantState state) {
        return access.<@Nullable Project>change(handle -> {
            Project before = project(handle, null, project);
            if (before == null || before.state() == state) {
                return before;
            }
            become(handle, "projects", before.id(), before.name(), before.state(), state);
            return changed(handle, who, "project." + verb(state), before);
        });
    }

    /** Deletes a project whose keys are all revoked, and these keys. */
    public Deleted deleteProject(Actor who, String project) {
        return access.change(handle -> {
            Project before = project(handle, null, project);
            if (before == null) {
                return Deleted.UNKNOWN;
            }
            if (before.keys() > 0 || before.id().equals(DEFAULT_PROJECT_ID)) {
                return Deleted.IN_USE;
            }
            handle.execute("DELETE FROM keys WHERE project = ?", before.id());
            Flags.forget(handle, before.id());
            handle.execute("DELETE FROM projects WHERE id = ?", before.id());
            access.audit().appendJson(handle, who, "project.delete", before.id(), before.json(), null);
            return Deleted.DONE;
        });
    }

    private void become(Handle handle, String table, String id, String name, TenantState before, TenantState state) {
        if (before == TenantState.REVOKED) {
            throw new IllegalArgumentException(
                    "state: " + name + " is revoked, which is for good (expected: one that is open or closed)");
        }
        switch (state) {
            case OPEN -> handle.execute("UPDATE " + table + " SET closed = NULL WHERE id = ?", id);
            case CLOSED -> handle.execute("UPDATE " + table + " SET closed = ? WHERE id = ?", clock.millis(), id);
            case REVOKED -> handle.execute("UPDATE " + table + " SET revoked = ? WHERE id = ?", clock.millis(), id);
        }
    }

    private static String verb(TenantState state) {
        return switch (state) {
            case OPEN -> "open";
            case CLOSED -> "close";
            case REVOKED -> "revoke";
        };
    }

    private Organization changed(Handle handle, Actor who, String action, Organization before) {
        Organization after = Objects.requireNonNull(organization(handle, before.id()));
        access.audit().appendJson(handle, who, action, before.id(), before.json(), after.json());
        return after;
    }

    private Project changed(Handle handle, Actor who, String action, Project before) {
        Project after = Objects.requireNonNull(project(handle, before.organizationId(), before.id()));
        access.audit().appendJson(handle, who, action, before.id(), before.json(), after.json());
        return after;
    }

    private static @Nullable Organization organization(Handle handle, String organization) {
        return organization(handle, ORGANIZATIONS, organization);
    }

    /** An organization by id or name, for whom its counts don't matter: they are 0. */
    static @Nullable Organization uncounted(Handle handle, String organization) {
        return organization(handle, UNCOUNTED_ORGANIZATIONS, organization);
    }

    private static @Nullable Organization organization(Handle handle, String select, String organization) {
        return handle.createQuery(
                        select + " WHERE o.id = :it OR o.name = :it ORDER BY CASE WHEN o.id = :it THEN 0 ELSE 1 END")
                .bind("it", organization)
                .map(ORGANIZATION)
                .findFirst()
                .orElse(null);
    }

    private static @Nullable Project project(Handle handle, @Nullable String organization, String project) {
        return project(handle, PROJECTS, organization, project);
    }

    /** A project by id or name, of an organization if that is said, for whom its count does not matter: it is 0. */
    static @Nullable Project uncounted(Handle handle, @Nullable String organization, String project) {
        return project(handle, UNCOUNTED_PROJECTS, organization, project);
    }

    /** A project by id or name; of several with the name only the one in the organization, if that is said. */
    private static @Nullable Project project(
            Handle handle, String select, @Nullable String organization, String project) {
        List<Project> found = handle
                .createQuery(select + " WHERE p.id = :it OR p.name = :it")
                .bind("it", project)
                .map(PROJECT)
                .list()
                .stream()
                .filter(each -> organization == null || each.organizationId().equals(organization))
                .toList();
        return found.stream()
                .filter(each -> each.id().equals(project))
                .findFirst()
                .orElse(found.size() == 1 ? found.getFirst() : null);
    }

    private static void checkFree(Handle handle, String name, @Nullable String id) {
        Organization same = organization(handle, name);
        if (same != null && !same.id().equals(id)) {
            throw new IllegalArgumentException("name: " + name + " (expected: one that no other organization has)");
        }
    }

    private static void checkMarkup(int basisPoints) {
        if (basisPoints < MIN_MARKUP || basisPoints > MAX_MARKUP) {
            throw new IllegalArgumentException("markup_basis_points: " + basisPoints + " (expected: " + MIN_MARKUP
                    + " to " + MAX_MARKUP + "; 250 adds 2.5%)");
        }
    }

    private static TenantState state(@Nullable Object closed, @Nullable Object revoked) {
        return revoked != null ? TenantState.REVOKED : closed != null ? TenantState.CLOSED : TenantState.OPEN;
    }
}
