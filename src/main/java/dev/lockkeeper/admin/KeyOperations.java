package dev.lockkeeper.admin;

import dev.lockkeeper.access.Created;
import dev.lockkeeper.access.HostedTools;
import dev.lockkeeper.access.KeyInfo;
import dev.lockkeeper.access.KeyKind;
import dev.lockkeeper.access.KeyTerms;
import dev.lockkeeper.access.Keys;
import dev.lockkeeper.access.Right;
import dev.lockkeeper.access.Tenants;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/** What the admin API does with keys. */
public final class KeyOperations {
    private static final String AT = "/admin/v1/keys";

    private static final Shape.Word KIND = Shape.word(KeyKind.LIVE.word(), KeyKind.TEST.word());
    private static final Shape STATE =
            Shape.word("works", "revoked", "expired", "project_closed", "organization_closed");
    private static final Shape NAME = new Shape.Text(Keys.MAX_NAME);
    private static final Shape MODELS = new Shape.ListOf(NAME, Keys.MAX_MODELS);
    private static final Shape TOOLS = new Shape.ListOf(NAME, HostedTools.KNOWN.size());
    private static final Shape NETWORKS = new Shape.ListOf(NAME, KeyTerms.MAX_NETWORKS);
    private static final Shape MAYBE_TIME = new Shape.OrNull(new Shape.Time());

    private static final Shape.Struct KEY = key(Shape.struct("Key"));

    private static final Shape.Struct NEW_KEY = key(Shape.struct("CreatedKey")
                    .with("key", Shape.text(), "Its text: told this once, kept nowhere."))
            .with("new_project", new Shape.Flag(), "Whether its project was made along with it.");

    private static final Shape.Struct WANTED = terms(Shape.struct("NewKey")
            .with("name", NAME, "who or what calls with it, such as ci")
            .optional("project", NAME, "The id or name of its project, made if the name is new. Default: default.")
            .optional("organization", NAME, "The id or name of its project's organization. Default: default.")
            .optional("kind", KIND, "What it is for: a test key reaches what its project allows. Default: live."));

    private static final Shape.Struct CHANGE =
            terms(Shape.struct("KeyChange").optional("name", NAME, "Who or what calls with it."));

    private static final Shape.Struct ROTATION = Shape.struct("Rotation")
            .optional(
                    "overlap_seconds",
                    new Shape.Whole(0, Keys.MAX_OVERLAP.toSeconds()),
                    "How long the text before works beside the new one. Default: 0, it stops at once.");

    private KeyOperations() {}

    private static Shape.Struct key(Shape.Struct begun) {
        return begun.with("object", Shape.word("key"), "What this is.")
                .with("id", Shape.text(), "Its id, key_…; stays when the text is replaced.")
                .with("name", NAME, "Who or what calls with it.")
                .with("organization_id", Shape.text(), "Who pays.")
                .with("project_id", Shape.text(), "Its project's id.")
                .with("project", NAME, "Its project's name.")
                .with("kind", KIND, "What it is for.")
                .with("environment", Shape.text(), "The operator's own label; empty: none.")
                .with("last4", Shape.text(), "The last characters of its text.")
                .with("models", MODELS, "Names that it may ask for; empty: all.")
                .with("tools", TOOLS, "Tools at the provider that it may ask for: all or none alone, or names.")
                .with("networks", NETWORKS, "Where it may be used from; empty: anywhere.")
                .with("expires_at", MAYBE_TIME, "When it stops working; null: never.")
                .with("created_at", new Shape.Time(), "When it was made.")
                .with("replaced_at", MAYBE_TIME, "When its text was last replaced.")
                .with("previous_until", MAYBE_TIME, "Till when the text before works too.")
                .with("last_used_at", MAYBE_TIME, "When it was last used, to about a minute.")
                .with("revoked_at", MAYBE_TIME, "When it was revoked.")
                .with("state", STATE, "What becomes of calls with it now.");
    }

    /** What a key may, as it is asked for; null stands for the default. */
    private static Shape.Struct terms(Shape.Struct begun) {
        return begun.optional("environment", new Shape.OrNull(NAME), "A free label, such as staging. Default: none.")
                .optional("expires_at", MAYBE_TIME, "When it stops working. Default: never.")
                .optional("models", new Shape.OrNull(MODELS), "Names that it may ask for. Default: all.")
                .optional(
                        "tools",
                        new Shape.OrNull(TOOLS),
                        "Tools at the provider that it may ask for: all or none alone, or some of "
                                + String.join(", ", HostedTools.KNOWN) + ". Default: all.")
                .optional(
                        "networks",
                        new Shape.OrNull(NETWORKS),
                        "Addresses and ranges that it may be used from, such as 10.0.0.0/8. Default: anywhere.");
    }

    /** The operations on these keys. */
    public static List<Operation> of(Keys keys) {
        return List.of(
                Pages.in(Operation.get(
                                AT,
                                "listKeys",
                                "Lists keys, revoked ones too, the oldest first.",
                                Pages.of(KEY),
                                asked -> Pages.reply(
                                        keys.list(
                                                asked.asked("organization"),
                                                asked.asked("project"),
                                                Pages.asked(asked)),
                                        KeyInfo::id,
                                        key -> json(keys, key))))
                        .takes("organization", NAME, "Only keys of the organization with this id or name.")
                        .takes("project", NAME, "Only keys of the project with this id or name.")
                        .needs(Right.KEYS_READ),
                Operation.post(
                                AT,
                                "createKey",
                                "Makes a key. Its text is told this once.",
                                WANTED,
                                NEW_KEY,
                                asked -> create(keys, asked))
                        .needs(Right.KEYS_WRITE)
                        .creates(),
                Operation.get(
                                AT + "/{id}",
                                "getKey",
                                "Tells of one key.",
                                KEY,
                                asked -> key(keys, keys.get(asked.id()), asked))
                        .needs(Right.KEYS_READ),
                Operation.patch(
                                AT + "/{id}",
                                "changeKey",
                                "Changes what a key is called and may, at once; null takes a bound away.",
                                CHANGE,
                                KEY,
                                asked -> change(keys, asked))
                        .needs(Right.KEYS_WRITE),
                Operation.post(
                                AT + "/{id}/rotate",
                                "rotateKey",
                                "Gives a key a new text; the old one stops working, at once or after an overlap.",
                                ROTATION,
                                NEW_KEY,
                                asked -> rotate(keys, asked))
                        .needs(Right.KEYS_WRITE),
                Operation.post(
                                AT + "/{id}/revoke",
                                "revokeKey",
                                "Ends a key for good, at once.",
                                null,
                                KEY,
                                asked -> key(keys, keys.revoke(asked.who(), asked.id()), asked))
                        .needs(Right.KEYS_WRITE));
    }

    private static Reply create(Keys keys, Inquiry asked) {
        Created created = keys.create(
                asked.who(),
                asked.text("name"),
                asked.text("organization", Tenants.DEFAULT_ORGANIZATION),
                asked.text("project", Tenants.DEFAULT_PROJECT),
                asked.text("kind", KeyKind.LIVE.word()).equals(KeyKind.TEST.word()) ? KeyKind.TEST : KeyKind.LIVE,
                terms(KeyTerms.FREE, asked));
        return Reply.json(201, json(keys, created));
    }

    private static Reply change(Keys keys, Inquiry asked) {
        return key(
                keys,
                keys.change(asked.who(), asked.id(), asked.textOrNull("name"), before -> terms(before, asked)),
                asked);
    }

    /** The terms before, but for what was asked. */
    private static KeyTerms terms(KeyTerms before, Inquiry asked) {
        return new KeyTerms(
                asked.has("environment") ? asked.text("environment", "") : before.environment(),
                asked.has("expires_at") ? asked.millis("expires_at") : before.expiresMillis(),
                asked.has("models") ? asked.texts("models") : before.models(),
                asked.has("tools") ? tools(asked) : before.tools(),
                asked.has("networks") ? KeyTerms.networks(asked.texts("networks")) : before.networks());
    }

    /** Null means all. An empty list could be meant as none, and is refused. */
    private static HostedTools tools(Inquiry asked) {
        List<String> words = asked.texts("tools");
        if (words.isEmpty() && !asked.body().path("tools").isNull()) {
            throw new IllegalArgumentException("tools: is empty (expected: all or none alone, or some of "
                    + String.join(", ", HostedTools.KNOWN) + ")");
        }
        return HostedTools.of(words);
    }

    private static Reply rotate(Keys keys, Inquiry asked) {
        Created renewed = keys.rotate(asked.who(), asked.id(), Duration.ofSeconds(asked.whole("overlap_seconds", 0)));
        return renewed == null ? unknown(asked) : Reply.json(200, json(keys, renewed));
    }

    private static Reply key(Keys keys, @Nullable KeyInfo key, Inquiry asked) {
        return key == null ? unknown(asked) : Reply.json(200, json(keys, key));
    }

    private static Reply unknown(Inquiry asked) {
        return Reply.error(404, "There is no key " + asked.id() + " that works. 'lockkeeper keys list' shows them.");
    }

    private static ObjectNode json(Keys keys, KeyInfo key) {
        return key.json().put("state", keys.state(key));
    }

    private static ObjectNode json(Keys keys, Created created) {
        ObjectNode json = Json.object().put("key", created.text());
        json.setAll(json(keys, created.key()));
        return json.put("new_project", created.newProject());
    }
}
