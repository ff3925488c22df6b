package dev.lockkeeper.access;

import dev.lockkeeper.db.Listing;
import dev.lockkeeper.db.Listing.Where;
import dev.lockkeeper.db.Page;
import dev.lockkeeper.db.Slice;
import java.time.Clock;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.mapper.RowMapper;
import org.jspecify.annotations.Nullable;

/**
 * Shares of cases that operators change while the gateway runs, for everybody or for a tenant: what a tenant's calls go by is
 * its own, not the file's. {@link #basisPoints} works in memory and may be called from any thread; whatever changes or lists
 * flags blocks. A change is in the log of changes and counts before the method that made it returns, and at other processes
 * as soon as changes of keys do.
 */
public final class Flags {
    /** A share of all, in hundredths of a percent. */
    public static final int ALL = 10_000;

    /** Flags in one database: they are in memory, and read again as a whole. */
    public static final int MOST = 10_000;

    /** Nothing was changed. */
    public static final int NONE = -1;

    private static final String EVERYBODY = "";

    private static final String SELECT = """
            SELECT f.id, f.model, f.named, f.tenant, COALESCE(o.name, p.name, '') AS tenant_name, f.share, f.changed,
                   f.changed_by
            FROM flags f LEFT JOIN organizations o ON o.id = f.tenant LEFT JOIN projects p ON p.id = f.tenant
            """;

    private static final Listing LIST = new Listing(SELECT, "flags", "f.", "created", false);

    private static final RowMapper<Flag> FLAG = (row, _) -> new Flag(
            row.getString("id"),
            row.getString("model"),
            row.getString("named"),
            row.getString("tenant"),
            row.getString("tenant_name"),
            row.getInt("share"),
            row.getLong("changed"),
            row.getString("changed_by"));

    private final Access access;
    private final Clock clock;
    private final Secrets secrets;

    Flags(Access access, Clock clock, Secrets secrets) {
        this.access = access;
        this.clock = clock;
        this.secrets = secrets;
    }

    /** What there is, to be looked up on the way of a call: shares by model, case and tenant. Immutable. */
    record Book(Map<String, Map<String, Map<String, Integer>>> shares) {
        static final Book EMPTY = new Book(Map.of());

        static Book read(Handle handle) {
            Map<String, Map<String, Map<String, Integer>>> shares = new HashMap<>();
            handle.createQuery(SELECT)
                    .map(FLAG)
                    .forEach(each -> shares.computeIfAbsent(each.model(), _ -> new HashMap<>())
                            .computeIfAbsent(each.named(), _ -> new HashMap<>())
                            .put(each.tenant(), each.basisPoints()));
            return new Book(shares);
        }
    }

    /**
     * The share that goes for a call in place of the configured one: its project's, else its organization's, else everybody's.
     * Never blocks.
     *
     * @param model the model's name
     * @param named the name of the case
     * @param organization who pays: an id
     * @param project what is budgeted: an id
     * @return hundredths of a percent, 0 to {@link #ALL}; {@link #NONE} where nothing was changed
     */
    public int basisPoints(String model, String named, String organization, String project) {
        Map<String, Map<String, Integer>> ofModel =
                access.memory().flags().shares.get(model);
        Map<String, Integer> byTenant = ofModel == null ? null : ofModel.get(named);
        if (byTenant == null) {
            return NONE;
        }
        Integer share = byTenant.get(project);
        if (share == null) {
            share = byTenant.get(organization);
        }
        if (share == null) {
            share = byTenant.get(EVERYBODY);
        }
        return share == null ? NONE : share;
    }

    /**
     * Sets a share, in place of the one that was there.
     *
     * @param named the name of the case
     * @param organization whose calls: id or name; null: it is not about an organization
     * @param project whose calls: id, or a name that only one has; null: it is not about a project. With neither it is for
     *     everybody
     * @param basisPoints hundredths of a percent, 0 to {@link #ALL}
     * @throws IllegalArgumentException when something can't be; the message may be shown to who asked
     */
    public Flag set(
            Actor who,
            String model,
            String named,
            @Nullable String organization,
            @Nullable String project,
            int basisPoints) {
        Names.check("model", model);
        Names.check("case", named);
        if (basisPoints < 0 || basisPoints > ALL) {
            throw new IllegalArgumentException(
                    "share_basis_points: " + basisPoints + " (expected: 0 to " + ALL + "; 500 is 5%)");
        }
        String made = secrets.id("flag_");
        return access.change(handle -> {
            String tenant = tenant(handle, organization, project);
            Flag before = find(handle, model, named, tenant);
            if (before == null) {
                checkRoom(handle);
            }
            handle.createUpdate("""
                            INSERT INTO flags (id, model, named, tenant, share, created, changed, changed_by)
                            VALUES (:id, :model, :named, :tenant, :share, :now, :now, :who)
                            ON CONFLICT (model, named, tenant)
                            DO UPDATE SET share = excluded.share, changed = excluded.changed, changed_by = excluded.changed_by
                            """)
                    .bind("id", made)
                    .bind("model", model)
                    .bind("named", named)
                    .bind("tenant", tenant)
                    .bind("share", basisPoints)
                    .bind("now", clock.millis())
                    .bind("who", who.name())
                    .execute();
            Flag after = Objects.requireNonNull(find(handle, model, named, tenant));
            access.audit()
                    .appendJson(
                            handle, who, "flag.set", after.id(), before == null ? null : before.json(), after.json());
            return after;
        });
    }

    /**
     * Takes a flag away: what goes for its calls from now on is the organization's or everybody's, or what is configured.
     *
     * @return what it was; null when there is none
     */
    public @Nullable Flag remove(Actor who, String id) {
        return access.<@Nullable Flag>change(handle -> {
            Flag before = handle.createQuery(SELECT + " WHERE f.id = ?")
                    .bind(0, id)
                    .map(FLAG)
                    .findOne()
                    .orElse(null);
            if (before != null) {
                handle.execute("DELETE FROM flags WHERE id = ?", id);
                access.audit().appendJson(handle, who, "flag.remove", id, before.json(), null);
            }
            return before;
        });
    }

    /**
     * Flags, the oldest first.
     *
     * @param model only of this model; null: of all
     * @param organization only those of this organization: id or name; null: of all
     * @param project only those of this project: id, or a name that only one has; null: of all
     * @throws IllegalArgumentException when there is no such tenant, or the page follows no flag that there is; the message may
     *     be shown
     */
    public Slice<Flag> list(
            @Nullable String model, @Nullable String organization, @Nullable String project, Page page) {
        List<Where> where = new ArrayList<>();
        if (model != null) {
            where.add(new Where("f.model", model));
        }
        if (organization != null || project != null) {
            String tenant = access.database()
                    .<String>read(handle -> tenant(handle, organization, project))
                    .join();
            where.add(new Where("f.tenant", tenant));
        }
        return LIST.read(access.database(), page, where, FLAG);
    }

    /** What was set for a tenant goes with it. */
    static void forget(Handle handle, String tenant) {
        handle.execute("DELETE FROM flags WHERE tenant = ?", tenant);
    }

    private static String tenant(Handle handle, @Nullable String organization, @Nullable String project) {
        if (organization != null && project != null) {
            throw new IllegalArgumentException(
                    "project: " + project + " beside organization " + organization + " (expected: one of the two)");
        }
        if (organization != null) {
            Organization found = Tenants.uncounted(handle, organization);
            if (found == null) {
                throw new IllegalArgumentException("organization: " + organization
                        + " (expected: the id or name of one that there is; 'lockkeeper org list' shows them)");
            }
            return found.id();
        }
        if (project != null) {
            Project found = Tenants.uncounted(handle, null, project);
            if (found == null) {
                throw new IllegalArgumentException("project: " + project
                        + " (expected: the id of one that there is, or a name that only one has; 'lockkeeper project list'"
                        + " shows them)");
            }
            return found.id();
        }
        return EVERYBODY;
    }

    private static @Nullable Flag find(Handle handle, String model, String named, String tenant) {
        return handle.createQuery(SELECT + " WHERE f.model = ? AND f.named = ? AND f.tenant = ?")
                .bind(0, model)
                .bind(1, named)
                .bind(2, tenant)
                .map(FLAG)
                .findOne()
                .orElse(null);
    }

    private static void checkRoom(Handle handle) {
        int flags = handle.createQuery("SELECT count(*) FROM flags")
                .mapTo(Integer.class)
                .one();
        if (flags >= MOST) {
            throw new IllegalArgumentException("flags: there are " + flags + " (expected: less than " + MOST
                    + "; 'lockkeeper flags remove' takes some away)");
        }
    }
}
