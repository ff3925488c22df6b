package dev.lockkeeper.access;

import dev.lockkeeper.db.Listing;
import dev.lockkeeper.db.Listing.Where;
import dev.lockkeeper.db.Page;
import dev.lockkeeper.db.Slice;
import java.security.MessageDigest;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.mapper.RowMapper;
import org.jdbi.v3.core.statement.Query;
import org.jspecify.annotations.Nullable;

/**
 * The keys that clients call with. {@link #find} works in memory and may be called from any thread; whatever changes or
 * lists keys blocks and belongs on a virtual thread. A change counts for {@link #find} before the method that made it
 * returns.
 */
public final class Keys {
    /** Characters of a name. */
    public static final int MAX_NAME = 100;

    /** Models that one key may be limited to. */
    public static final int MAX_MODELS = 1_000;

    /** How long two texts of a key may work side by side. */
    public static final Duration MAX_OVERLAP = Duration.ofDays(7);

    /** A key that is used all the time writes down when, this often. */
    private static final long USE_GRAIN_MILLIS = 1_000;

    private static final String SELECT = """
            SELECT k.id, k.name, k.project, p.name AS project_name, p.organization, k.kind, k.models, k.last4, k.created,
                   k.replaced, k.revoked, k.hash, k.environment, k.expires, k.tools, k.networks, k.previous_hash,
                   k.previous_until, k.used, p.test_providers, p.regions, o.regions AS organization_regions,
                   CASE WHEN o.closed IS NULL AND o.revoked IS NULL THEN 0 ELSE 1 END AS no_organization,
                   CASE WHEN p.closed IS NULL AND p.revoked IS NULL THEN 0 ELSE 1 END AS no_project
            FROM keys k JOIN projects p ON p.id = k.project JOIN organizations o ON o.id = p.organization
            """;

    private static final Listing LIST = new Listing(SELECT, "keys", "k.", "created", false);

    private static final RowMapper<Row> ROW = (row, _) -> {
        Long expires = row.getObject("expires") == null ? null : row.getLong("expires");
        KeyTerms terms = new KeyTerms(
                row.getString("environment"),
                expires,
                row.getString("models").lines().toList(),
                HostedTools.stored(row.getString("tools").lines().toList()),
                KeyTerms.networks(row.getString("networks").lines().toList()));
        return new Row(
                new KeyInfo(
                        row.getString("id"),
                        row.getString("name"),
                        row.getString("project"),
                        row.getString("project_name"),
                        row.getString("organization"),
                        row.getString("kind").equals(KeyKind.TEST.word()) ? KeyKind.TEST : KeyKind.LIVE,
                        terms,
                        row.getString("last4"),
                        row.getLong("created"),
                        row.getObject("replaced") == null ? null : row.getLong("replaced"),
                        row.getObject("previous_until") == null ? null : row.getLong("previous_until"),
                        row.getObject("used") == null ? null : row.getLong("used"),
                        row.getObject("revoked") == null ? null : row.getLong("revoked"),
                        row.getInt("no_organization") == 1
                                ? Presented.Refused.ORGANIZATION_CLOSED
                                : row.getInt("no_project") == 1 ? Presented.Refused.PROJECT_CLOSED : null),
                row.getBytes("hash"),
                row.getBytes("previous_hash"),
                Set.copyOf(row.getString("test_providers").lines().toList()),
                Regions.going(
                        row.getString("regions").lines().toList(),
                        row.getString("organization_regions").lines().toList()));
    };

    private final Access access;
    private final Clock clock;
    private final Secrets secrets;

    Keys(Access access, Clock clock, Secrets secrets) {
        this.access = access;
        this.clock = clock;
        this.secrets = secrets;
    }

    /**
     * Who presents a key. Never blocks. Does the same work whether the key works, is revoked, or is no key at all.
     *
     * @param presented what the caller sent; empty when it sent nothing
     * @param address the IP address it came from, in digits
     */
    public Presented find(String presented, String address) {
        byte[] hash = Secrets.hash(presented);
        Memory.Entry entry = access.memory().key(hash);
        boolean same = MessageDigest.isEqual(hash, entry.hash());
        boolean mistyped = Secrets.mistyped(presented);
        long now = clock.millis();
        Presented.Known known = entry.known();
        if (access.unheard()) {
            return Presented.Refused.UNHEARD;
        }
        if (!same || known == null || !Secrets.fits(presented) || now >= entry.untilMillis()) {
            return mistyped ? Presented.Refused.MISTYPED : Presented.Refused.UNKNOWN;
        }
        if (entry.closed() != null) {
            return entry.closed();
        }
        if (now >= entry.expiresMillis()) {
            return Presented.Refused.EXPIRED;
        }
        if (!known.caller().mayComeFrom(address)) {
            return Presented.Refused.ELSEWHERE;
        }
        AtomicLong used = entry.used();
        if (now - used.getPlain() > USE_GRAIN_MILLIS) {
            used.setOpaque(now);
        }
        return known;
    }

    /**
     * Makes a key, and its project where that is new and who asks may make one.
     *
     * @param organization id or name
     * @param project id or name; a name that is not there is made
     * @throws IllegalArgumentException when something can't be; the message may be shown to who asked
     */
    public Created create(Actor who, String name, String organization, String project, KeyKind kind, KeyTerms terms) {
        Names.check("name", name);
        Names.check("project", project);
        terms.check(clock.millis());
        String text = secrets.text(kind.prefix());
        String id = secrets.id("key_");
        return access.change(handle -> {
            Organization payer = Tenants.uncounted(handle, organization);
            if (payer == null) {
                throw new IllegalArgumentException("organization: " + organization
                        + " (expected: the id or name of one that there is; 'lockkeeper org list' shows them)");
            }
            Project owner = Tenants.uncounted(handle, payer.id(), project);
            boolean newProject = owner == null;
            if (owner == null && !who.may(Right.TENANTS_WRITE)) {
                // A project of one's own would be one without the budgets and limits of the others.
                throw new IllegalArgumentException("project: " + project
                        + " (expected: the id or name of one of the organization's; to make one takes the scope "
                        + Right.TENANTS_WRITE.word() + ")");
            }
            if (owner == null) {
                owner = access.tenants().make(handle, who, payer, project, List.of(), List.of());
            }
            if (payer.state() != TenantState.OPEN || owner.state() != TenantState.OPEN) {
                throw new IllegalArgumentException(
                        "project: " + owner.name() + " of organization " + payer.name()
                                + " is closed or revoked (expected: an open one; 'lockkeeper project open' opens a closed one)");
            }
            handle.createUpdate("""
                            INSERT INTO keys
                              (id, project, name, kind, hash, last4, models, created, environment, expires, tools, networks)
                            VALUES (:id, :project, :name, :kind, :hash, :last4, :models, :now, :environment, :expires,
                              :tools, :networks)
                            """)
                    .bind("id", id)
                    .bind("project", owner.id())
                    .bind("name", name)
                    .bind("kind", kind.word())
                    .bind("hash", Secrets.hash(text))
                    .bind("last4", Secrets.last4(text))
                    .bind("now", clock.millis())
                    .bindMap(columns(terms))
                    .execute();
            KeyInfo made = Objects.requireNonNull(info(handle, id));
            access.audit().appendJson(handle, who, "key.create", id, null, made.json());
            return new Created(text, made, newProject);
        });
    }

    /** The same in the organization that every database starts with. */
    public Created create(Actor who, String name, String project, KeyKind kind, KeyTerms terms) {
        return create(who, name, Tenants.DEFAULT_ORGANIZATION, project, kind, terms);
    }

    /**
     * Changes what a key is called and may; at once.
     *
     * @param change makes the new terms of the old; what it throws is thrown
     * @return null when there is no such key or it is revoked
     * @throws IllegalArgumentException when something can't be; the message may be shown to who asked
     */
    public @Nullable KeyInfo change(Actor who, String id, @Nullable String name, Function<KeyTerms, KeyTerms> change) {
        return access.<@Nullable KeyInfo>change(handle -> {
            KeyInfo before = info(handle, id);
            if (before == null || before.revokedMillis() != null) {
                return null;
            }
            KeyTerms terms = change.apply(before.terms());
            String called = name == null ? before.name() : name;
            Names.check("name", called);
            // An expiry that has passed may stay while other things change.
            if (!Objects.equals(terms.expiresMillis(), before.terms().expiresMillis())) {
                terms.check(clock.millis());
            } else {
                terms.check(Long.MIN_VALUE);
            }
            handle.createUpdate("""
                            UPDATE keys SET name = :name, models = :models, environment = :environment, expires = :expires,
                              tools = :tools, networks = :networks WHERE id = :id
                            """)
                    .bind("id", id)
                    .bind("name", called)
                    .bindMap(columns(terms))
                    .execute();
            return noted(handle, who, "key.change", before);
        });
    }

    private static java.util.Map<String, @Nullable Object> columns(KeyTerms terms) {
        java.util.Map<String, @Nullable Object> columns = new java.util.HashMap<>();
        columns.put("environment", terms.environment());
        columns.put("expires", terms.expiresMillis());
        columns.put("models", String.join("\n", terms.models()));
        columns.put("tools", String.join("\n", terms.tools().words()));
        columns.put(
                "networks",
                String.join(
                        "\n", terms.networks().stream().map(Object::toString).toList()));
        return columns;
    }

    /**
     * Keys, revoked ones too, the oldest first.
     *
     * @param organization id or name; null: of all organizations
     * @param project id, or name of one or several; null: of all projects
     * @throws IllegalArgumentException when there is no such organization or project, or the page follows no key that
     *     there is; the message may be shown
     */
    public Slice<KeyInfo> list(@Nullable String organization, @Nullable String project, Page page) {
        List<Where> where = new ArrayList<>();
        if (organization != null) {
            where.add(new Where(
                    "p.organization", access.tenants().payer(organization).id()));
        }
        if (project != null) {
            where.add(new Where(access.tenants().isId(project) ? "k.project" : "p.name", project));
        }
        return LIST.read(access.database(), page, where, ROW).map(row -> withUse(row.info));
    }

    /** What becomes of a call with a key now: {@code works}, or why it is refused. */
    public String state(KeyInfo key) {
        return key.state(clock.millis());
    }

    /**
     * What keys are called, by id. Blocks.
     *
     * @param project the id of their project; null: of all
     */
    public Map<String, String> names(@Nullable String project) {
        return Tenants.names(
                access.database(),
                "SELECT id, name FROM keys" + (project == null ? "" : " WHERE project = ?"),
                project);
    }

    /** Whether there is no key, not even a revoked one. */
    public boolean none() {
        return list(null, null, new Page(null, 1)).elements().isEmpty();
    }

    /** A key by its id, revoked or not; null when there is none. */
    public @Nullable KeyInfo get(String id) {
        KeyInfo found = access.database()
                .<@Nullable KeyInfo>read(handle -> info(handle, id))
                .join();
        return found == null ? null : withUse(found);
    }

    /** Who calls with a key, by its id, whether it works or not; null when there is none. Blocks. */
    public @Nullable Caller caller(String id) {
        Row found =
                access.database().<@Nullable Row>read(handle -> row(handle, id)).join();
        return found == null ? null : found.caller();
    }

    /** The id of a key's project; empty where there is no such key. */
    public String projectOf(String id) {
        KeyInfo key = get(id);
        return key == null ? "" : key.projectId();
    }

    /** With the last use that this process knows of, which may not be written yet. */
    private KeyInfo withUse(KeyInfo key) {
        long used = access.used(key.id());
        Long written = key.usedMillis();
        return used == 0 || (written != null && written >= used)
                ? key
                : new KeyInfo(
                        key.id(),
                        key.name(),
                        key.projectId(),
                        key.project(),
                        key.organizationId(),
                        key.kind(),
                        key.terms(),
                        key.last4(),
                        key.createdMillis(),
                        key.replacedMillis(),
                        key.previousUntilMillis(),
                        used,
                        key.revokedMillis(),
                        key.closed());
    }

    /**
     * Gives a key a new text. The text before works on for a while; one before that stops at once.
     *
     * @param overlap how long, up to {@link #MAX_OVERLAP}; zero: it stops at once
     * @return null when there is no such key or it is revoked
     * @throws IllegalArgumentException when the overlap can't be; the message may be shown to who asked
     */
    public @Nullable Created rotate(Actor who, String id, Duration overlap) {
        if (overlap.isNegative() || overlap.compareTo(MAX_OVERLAP) > 0) {
            throw new IllegalArgumentException("overlap_seconds: " + overlap.toSeconds() + " (expected: 0 to "
                    + MAX_OVERLAP.toSeconds() + ", which is 7 days)");
        }
        return access.<@Nullable Created>change(handle -> {
            Row before = row(handle, id);
            if (before == null || before.info.revokedMillis() != null) {
                return null;
            }
            String text = secrets.text(before.info.kind().prefix());
            handle.createUpdate("""
                            UPDATE keys SET hash = :hash, last4 = :last4, replaced = :now, previous_hash = :previous,
                              previous_until = :until WHERE id = :id
                            """)
                    .bind("hash", Secrets.hash(text))
                    .bind("last4", Secrets.last4(text))
                    .bind("now", clock.millis())
                    .bind("previous", overlap.isZero() ? null : before.hash)
                    .bind("until", overlap.isZero() ? null : clock.millis() + overlap.toMillis())
                    .bind("id", id)
                    .execute();
            return new Created(text, noted(handle, who, "key.rotate", before.info), false);
        });
    }

    /**
     * Ends a key for good, at once. Revoking it again changes nothing.
     *
     * @return null when there is no such key
     */
    public @Nullable KeyInfo revoke(Actor who, String id) {
        return access.<@Nullable KeyInfo>change(handle -> {
            KeyInfo before = info(handle, id);
            if (before == null || before.revokedMillis() != null) {
                return before;
            }
            handle.createUpdate("UPDATE keys SET revoked = ?, previous_hash = NULL, previous_until = NULL WHERE id = ?")
                    .bind(0, clock.millis())
                    .bind(1, id)
                    .execute();
            return noted(handle, who, "key.revoke", before);
        });
    }

    private KeyInfo noted(Handle handle, Actor who, String action, KeyInfo before) {
        KeyInfo after = Objects.requireNonNull(info(handle, before.id()));
        access.audit().appendJson(handle, who, action, before.id(), before.json(), after.json());
        return withUse(after);
    }

    /**
     * Tells each text that works, or would if its tenant were open.
     *
     * @param condition which keys: of {@code <ids>}; empty: all
     */
    static void entries(
            Handle handle,
            String condition,
            List<String> ids,
            Function<String, AtomicLong> used,
            Consumer<Memory.Entry> each) {
        Query query = handle.createQuery(SELECT + " WHERE k.revoked IS NULL" + condition);
        if (!ids.isEmpty()) {
            query.bindList("ids", ids);
        }
        query.map(ROW).forEach(row -> {
            KeyInfo key = row.info;
            KeyTerms terms = key.terms();
            Presented.Known known = new Presented.Known(row.caller());
            long expires = Objects.requireNonNullElse(terms.expiresMillis(), Long.MAX_VALUE);
            AtomicLong moment = used.apply(key.id());
            each.accept(new Memory.Entry(row.hash, known, key.closed(), expires, Long.MAX_VALUE, moment));
            byte[] previous = row.previousHash;
            Long until = key.previousUntilMillis();
            if (previous != null && until != null) {
                each.accept(new Memory.Entry(previous, known, key.closed(), expires, until, moment));
            }
        });
    }

    private static @Nullable KeyInfo info(Handle handle, String id) {
        Row row = row(handle, id);
        return row == null ? null : row.info;
    }

    private static @Nullable Row row(Handle handle, String id) {
        return handle.createQuery(SELECT + " WHERE k.id = ?")
                .bind(0, id)
                .map(ROW)
                .findOne()
                .orElse(null);
    }

    @SuppressWarnings("ArrayRecordComponent") // Never compared as a record.
    private record Row(
            KeyInfo info, byte[] hash, byte @Nullable [] previousHash, Set<String> testProviders, Set<String> regions) {
        Caller caller() {
            return new Caller(
                    info.id(),
                    info.projectId(),
                    info.project(),
                    info.organizationId(),
                    Set.copyOf(info.terms().models()),
                    info.kind(),
                    info.terms().tools(),
                    testProviders,
                    info.terms().networks(),
                    info.terms().environment(),
                    regions);
        }
    }
}
