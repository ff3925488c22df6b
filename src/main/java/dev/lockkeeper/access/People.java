package dev.lockkeeper.access;

import dev.lockkeeper.db.Listing;
import dev.lockkeeper.db.Listing.Where;
import dev.lockkeeper.db.Page;
import dev.lockkeeper.db.Slice;
import java.security.MessageDigest;
import java.time.Clock;
import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.mapper.RowMapper;
import org.jspecify.annotations.Nullable;

/**
 * The people who operate the gateway, the invitations that make more of them, and admin tokens. {@link #find} works in
 * memory, on any thread; all else blocks. Of texts only a hash is kept. Each change is in the log of changes.
 */
public final class People {
    /** How long an invitation can be used, unless it is said. */
    public static final Duration INVITATION = Duration.ofDays(7);

    /** The longest that it can be said to. */
    public static final Duration MAX_INVITATION = Duration.ofDays(30);

    /** How long the token works that comes with accepting an invitation. */
    public static final Duration FIRST_TOKEN = Duration.ofDays(90);

    private static final String TOKEN_PREFIX = "lk-admin-";
    private static final String INVITATION_PREFIX = "lk-invite-";

    private static final Listing PERSON_LIST = new Listing("SELECT * FROM people", "people", "", "created", false);

    private static final RowMapper<Person> PERSON = (row, _) -> new Person(
            row.getString("id"),
            row.getString("name"),
            row.getString("email"),
            Objects.requireNonNullElse(Role.of(row.getString("role")), Role.VIEWER),
            row.getLong("created"),
            row.getObject("removed") == null ? null : row.getLong("removed"));

    private static final Listing INVITATION_LIST =
            new Listing("SELECT * FROM invitations", "invitations", "", "created", false);

    private static final RowMapper<Invitation> INVITATION_ROW = (row, _) -> new Invitation(
            row.getString("id"),
            row.getString("name"),
            row.getString("email"),
            Objects.requireNonNullElse(Role.of(row.getString("role")), Role.VIEWER),
            row.getLong("created"),
            row.getLong("expires"),
            row.getObject("accepted") == null ? null : row.getLong("accepted"),
            row.getObject("revoked") == null ? null : row.getLong("revoked"));

    private static final Listing TOKEN_LIST =
            new Listing("SELECT * FROM admin_tokens", "admin_tokens", "", "created", false);

    private static final RowMapper<TokenInfo> TOKEN = (row, _) -> new TokenInfo(
            row.getString("id"),
            row.getString("name"),
            row.getString("person"),
            rights(row.getString("scopes")),
            row.getString("last4"),
            row.getLong("created"),
            row.getObject("expires") == null ? null : row.getLong("expires"),
            row.getObject("revoked") == null ? null : row.getLong("revoked"));

    private final Access access;
    private final Clock clock;
    private final Secrets secrets;

    People(Access access, Clock clock, Secrets secrets) {
        this.access = access;
        this.clock = clock;
        this.secrets = secrets;
    }

    /**
     * A text at the only moment at which it is known, and what it is the text of.
     *
     * @param text kept nowhere
     */
    public record Shown<T>(String text, T of) {
        /** Without the text, which is a secret. */
        @Override
        public String toString() {
            return "Shown[" + of + "]";
        }
    }

    /** Somebody new, and the token that they begin with. */
    public record Accepted(Person person, Shown<TokenInfo> token) {}

    /**
     * Who shows a token. Never blocks. Does the same work whether the token works or not.
     *
     * @return null for nobody
     */
    public @Nullable Actor find(String presented) {
        byte[] hash = Secrets.hash(presented);
        Memory.Token token = access.memory().token(hash);
        boolean same = MessageDigest.isEqual(hash, token.hash());
        return same && Secrets.fits(presented) && clock.millis() < token.expiresMillis() && !access.unheard()
                ? token.actor()
                : null;
    }

    /**
     * Invites somebody.
     *
     * @throws IllegalArgumentException when something can't be; the message may be shown to who asked
     */
    public Shown<Invitation> invite(Actor who, String name, String email, Role role, Duration valid) {
        Names.check("name", name);
        Names.check("email", email);
        if (!email.matches("[^@\\s]+@[^@\\s]+")) {
            throw new IllegalArgumentException("email: " + email + " (expected: an address such as ann@example.com)");
        }
        if (valid.compareTo(Duration.ofMinutes(1)) < 0 || valid.compareTo(MAX_INVITATION) > 0) {
            throw new IllegalArgumentException("valid_seconds: " + valid.toSeconds() + " (expected: 60 to "
                    + MAX_INVITATION.toSeconds() + ", which is 30 days)");
        }
        checkMayGive(who, role);
        String id = secrets.id("inv_");
        String text = secrets.text(INVITATION_PREFIX);
        return access.change(handle -> {
            handle.createUpdate("""
                            INSERT INTO invitations (id, name, email, role, hash, created, expires)
                            VALUES (?, ?, ?, ?, ?, ?, ?)
                            """)
                    .bind(0, id)
                    .bind(1, name)
                    .bind(2, email)
                    .bind(3, role.word())
                    .bind(4, Secrets.hash(text))
                    .bind(5, clock.millis())
                    .bind(6, clock.millis() + valid.toMillis())
                    .execute();
            Invitation made = Objects.requireNonNull(invitation(handle, id));
            access.audit().appendJson(handle, who, "invitation.create", id, null, made.json());
            return new Shown<>(text, made);
        });
    }

    /**
     * Invitations, used ones too, the oldest first.
     *
     * @throws IllegalArgumentException when the page follows none that there is; the message may be shown
     */
    public Slice<Invitation> invitations(Page page) {
        return INVITATION_LIST.read(access.database(), page, List.of(), INVITATION_ROW);
    }

    /**
     * Takes an invitation back.
     *
     * @return null when there is none that could still be used
     * @throws IllegalArgumentException when who asked may not; the message may be shown
     */
    public @Nullable Invitation revokeInvitation(Actor who, String id) {
        return access.<@Nullable Invitation>change(handle -> {
            Invitation before = invitation(handle, id);
            if (before == null || before.acceptedMillis() != null || before.revokedMillis() != null) {
                return null;
            }
            checkRank(who, before.role());
            handle.execute("UPDATE invitations SET revoked = ? WHERE id = ?", clock.millis(), id);
            Invitation after = Objects.requireNonNull(invitation(handle, id));
            access.audit().appendJson(handle, who, "invitation.revoke", id, before.json(), after.json());
            return after;
        });
    }

    /** Uses an invitation up: who was invited is one of the people now. Null when it can't be used, or not any more. */
    public @Nullable Accepted accept(String text) {
        // Anybody may try, and a change makes every process read anew: what is no invitation changes nothing.
        if (!Secrets.fits(text) || !isWaiting(text)) {
            return null;
        }
        String personId = secrets.id("person_");
        String tokenId = secrets.id("token_");
        String token = secrets.text(TOKEN_PREFIX);
        return access.<@Nullable Accepted>change(handle -> {
            long now = clock.millis();
            Invitation invited = waiting(handle, text, now);
            if (invited == null) {
                return null;
            }
            handle.execute("UPDATE invitations SET accepted = ? WHERE id = ?", now, invited.id());
            handle.createUpdate("INSERT INTO people (id, name, email, role, created) VALUES (?, ?, ?, ?, ?)")
                    .bind(0, personId)
                    .bind(1, invited.name())
                    .bind(2, invited.email())
                    .bind(3, invited.role().word())
                    .bind(4, now)
                    .execute();
            Person person = Objects.requireNonNull(person(handle, personId));
            Actor self = new Actor(personId, person.name(), false, Set.of());
            access.audit().appendJson(handle, self, "invitation.accept", invited.id(), null, person.json());
            TokenInfo first = insert(
                    handle,
                    self,
                    new TokenInfo(
                            tokenId,
                            "first",
                            personId,
                            invited.role().rights(),
                            Secrets.last4(token),
                            now,
                            now + FIRST_TOKEN.toMillis(),
                            null),
                    token);
            return new Accepted(person, new Shown<>(token, first));
        });
    }

    private boolean isWaiting(String invitation) {
        return access.database()
                .<Boolean>read(handle -> waiting(handle, invitation, clock.millis()) != null)
                .join();
    }

    private static @Nullable Invitation waiting(Handle handle, String text, long now) {
        return handle.createQuery("""
                        SELECT * FROM invitations
                        WHERE hash = ? AND accepted IS NULL AND revoked IS NULL AND expires > ?
                        """)
                .bind(0, Secrets.hash(text))
                .bind(1, now)
                .map(INVITATION_ROW)
                .findOne()
                .orElse(null);
    }

    /**
     * People, removed ones too, the oldest first.
     *
     * @throws IllegalArgumentException when the page follows nobody who there is; the message may be shown
     */
    public Slice<Person> people(Page page) {
        return PERSON_LIST.read(access.database(), page, List.of(), PERSON);
    }

    /**
     * Gives somebody another role; their tokens follow at once.
     *
     * @return null when there is nobody with this id
     * @throws IllegalArgumentException when who asked may not; the message may be shown
     */
    public @Nullable Person changeRole(Actor who, String id, Role role) {
        return access.<@Nullable Person>change(handle -> {
            Person before = person(handle, id);
            if (before == null || before.removedMillis() != null) {
                return null;
            }
            checkRank(who, before.role());
            checkMayGive(who, role);
            handle.execute("UPDATE people SET role = ? WHERE id = ?", role.word(), id);
            return changed(handle, who, "person.role", before);
        });
    }

    /**
     * Removes somebody for good; their tokens stop at once.
     *
     * @return null when there is nobody with this id
     * @throws IllegalArgumentException when who asked may not; the message may be shown
     */
    public @Nullable Person remove(Actor who, String id) {
        return access.<@Nullable Person>change(handle -> {
            Person before = person(handle, id);
            if (before == null || before.removedMillis() != null) {
                return null;
            }
            checkRank(who, before.role());
            handle.execute("UPDATE people SET removed = ? WHERE id = ?", clock.millis(), id);
            return changed(handle, who, "person.remove", before);
        });
    }

    private Person changed(Handle handle, Actor who, String action, Person before) {
        Person after = Objects.requireNonNull(person(handle, before.id()));
        access.audit().appendJson(handle, who, action, before.id(), before.json(), after.json());
        return after;
    }

    /**
     * Makes an admin token. It may do no more than who makes it.
     *
     * @param person whose it is; null: nobody's, a program has it
     * @param expiresMillis milliseconds since 1970; null: never
     * @throws IllegalArgumentException when something can't be; the message may be shown to who asked
     */
    public Shown<TokenInfo> createToken(
            Actor who, String name, @Nullable String person, Set<Right> rights, @Nullable Long expiresMillis) {
        Names.check("name", name);
        for (Right right : rights) {
            if (!who.may(right)) {
                throw new IllegalArgumentException("scopes: " + right.word() + " (expected: scopes that " + who.name()
                        + " has, which are " + words(who.rights()) + ")");
            }
        }
        if (rights.isEmpty()) {
            throw new IllegalArgumentException("scopes: is empty (expected: some of " + words(who.rights()) + ")");
        }
        long now = clock.millis();
        if (expiresMillis != null && expiresMillis <= now) {
            throw new IllegalArgumentException("expires_at: " + Wire.time(expiresMillis)
                    + " (expected: a time to come; it is " + Wire.time(now) + " now)");
        }
        String id = secrets.id("token_");
        String text = secrets.text(TOKEN_PREFIX);
        return access.change(handle -> {
            Person owner = person == null ? null : person(handle, person);
            if (person != null && (owner == null || owner.removedMillis() != null)) {
                throw new IllegalArgumentException("person: " + person
                        + " (expected: the id of one of the people; 'lockkeeper people list' shows them)");
            }
            if (owner != null) {
                checkRank(who, owner.role());
            }
            return new Shown<>(
                    text,
                    insert(
                            handle,
                            who,
                            new TokenInfo(id, name, person, rights, Secrets.last4(text), now, expiresMillis, null),
                            text));
        });
    }

    private TokenInfo insert(Handle handle, Actor who, TokenInfo token, String text) {
        handle.createUpdate("""
                        INSERT INTO admin_tokens (id, name, person, scopes, hash, last4, created, expires)
                        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                        """)
                .bind(0, token.id())
                .bind(1, token.name())
                .bind(2, token.person())
                .bind(3, token.rights().stream().map(Right::word).sorted().collect(Collectors.joining("\n")))
                .bind(4, Secrets.hash(text))
                .bind(5, token.last4())
                .bind(6, token.createdMillis())
                .bind(7, token.expiresMillis())
                .execute();
        access.audit().appendJson(handle, who, "token.create", token.id(), null, token.json());
        return token;
    }

    /**
     * Admin tokens, revoked ones too, the oldest first; the one of the data folder is not among them.
     *
     * @param person the id of whose they are; null: all
     * @throws IllegalArgumentException when the page follows none that there is; the message may be shown
     */
    public Slice<TokenInfo> tokens(@Nullable String person, Page page) {
        return TOKEN_LIST.read(
                access.database(), page, person == null ? List.of() : List.of(new Where("person", person)), TOKEN);
    }

    /**
     * Ends an admin token for good, at once. Revoking it again changes nothing.
     *
     * @return null when there is none
     * @throws IllegalArgumentException when who asked may not; the message may be shown
     */
    public @Nullable TokenInfo revokeToken(Actor who, String id) {
        return access.<@Nullable TokenInfo>change(handle -> {
            TokenInfo before = token(handle, id);
            if (before == null || before.revokedMillis() != null) {
                return before;
            }
            Person owner = before.person() == null ? null : person(handle, before.person());
            if (owner != null) {
                checkRank(who, owner.role());
            }
            handle.execute("UPDATE admin_tokens SET revoked = ? WHERE id = ?", clock.millis(), id);
            TokenInfo after = Objects.requireNonNull(token(handle, id));
            access.audit().appendJson(handle, who, "token.revoke", id, before.json(), after.json());
            return after;
        });
    }

    /** Tells each token that works. */
    static void tokens(Handle handle, Consumer<Memory.Token> each) {
        handle.createQuery("""
                        SELECT t.*, p.name AS person_name, p.role AS person_role FROM admin_tokens t
                        LEFT JOIN people p ON p.id = t.person WHERE t.revoked IS NULL AND p.removed IS NULL
                        """)
                .map((row, context) -> {
                    TokenInfo token = TOKEN.map(row, context);
                    Role role = token.person() == null ? null : Role.of(row.getString("person_role"));
                    Set<Right> rights = EnumSet.noneOf(Right.class);
                    token.rights().stream()
                            .filter(right -> token.person() == null || allows(role, right))
                            .forEach(rights::add);
                    Actor actor = new Actor(
                            token.person() == null ? token.id() : token.person(),
                            token.person() == null ? token.name() : row.getString("person_name"),
                            role == Role.OWNER,
                            rights);
                    return new Memory.Token(
                            row.getBytes("hash"),
                            actor,
                            Objects.requireNonNullElse(token.expiresMillis(), Long.MAX_VALUE));
                })
                .forEach(each);
    }

    private static boolean allows(@Nullable Role role, Right right) {
        return role != null && role.rights().stream().anyMatch(each -> each.includes(right));
    }

    private static void checkRank(Actor who, Role role) {
        if (role == Role.OWNER && !who.owner()) {
            throw new IllegalArgumentException("role: owner (expected: another role; only an owner may make, change or"
                    + " remove owners, and " + who.name() + " is none)");
        }
    }

    /** Nobody gives more than they have: else whoever may invite could be everything. */
    private static void checkMayGive(Actor who, Role role) {
        checkRank(who, role);
        for (Right right : new TreeSet<>(role.rights())) {
            if (!who.may(right)) {
                throw new IllegalArgumentException(
                        "role: " + role.word() + " (expected: a role that may do no more than " + who.name()
                                + ", which has not the scope " + right.word() + ")");
            }
        }
    }

    private static @Nullable Person person(Handle handle, String id) {
        return handle.createQuery("SELECT * FROM people WHERE id = ?")
                .bind(0, id)
                .map(PERSON)
                .findOne()
                .orElse(null);
    }

    private static @Nullable Invitation invitation(Handle handle, String id) {
        return handle.createQuery("SELECT * FROM invitations WHERE id = ?")
                .bind(0, id)
                .map(INVITATION_ROW)
                .findOne()
                .orElse(null);
    }

    private static @Nullable TokenInfo token(Handle handle, String id) {
        return handle.createQuery("SELECT * FROM admin_tokens WHERE id = ?")
                .bind(0, id)
                .map(TOKEN)
                .findOne()
                .orElse(null);
    }

    private static Set<Right> rights(String lines) {
        Set<Right> rights = EnumSet.noneOf(Right.class);
        lines.lines().map(Right::of).filter(Objects::nonNull).forEach(rights::add);
        return rights;
    }

    private static String words(Set<Right> rights) {
        return new TreeSet<>(rights).stream().map(Right::word).collect(Collectors.joining(", "));
    }
}
