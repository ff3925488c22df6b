package dev.lockkeeper.admin;

import dev.lockkeeper.access.Flag;
import dev.lockkeeper.access.Flags;
import dev.lockkeeper.access.Keys;
import dev.lockkeeper.access.Right;
import java.util.List;
import tools.jackson.databind.node.ObjectNode;

/** What the admin API does with shares that are changed while the gateway runs. */
public final class FlagOperations {
    private static final String AT = "/admin/v1/flags";
    private static final Shape NAME = new Shape.Text(Keys.MAX_NAME);
    private static final Shape SHARE = new Shape.Whole(0, Flags.ALL);
    private static final Shape MAYBE_ID = new Shape.OrNull(Shape.text());

    private static final Shape.Struct FLAG = Shape.struct("Flag")
            .with("object", Shape.word("flag"), "What this is.")
            .with("id", Shape.text(), "Its id, flag_…")
            .with("model", NAME, "The model's name.")
            .with("case", NAME, "The name of the case that has the share.")
            .with("organization_id", MAYBE_ID, "For whose calls; null: not an organization's.")
            .with("project_id", MAYBE_ID, "For whose calls; null: not a project's. With neither: for everybody's.")
            .with("tenant", NAME, "What that organization or project is called; empty: it is everybody.")
            .with(
                    "share_basis_points",
                    SHARE,
                    "The share that goes in place of the configured one, in hundredths of a percent.")
            .with("changed_at", new Shape.Time(), "When it was set last.")
            .with("changed_by", Shape.text(), "Who did that.");

    private static final Shape.Struct SET_FLAG = new Shape.Struct("ChangedFlag", FLAG.members())
            .with("notes", Shape.listOf(Shape.text()), "What the operator should know of it.");

    private static final Shape.Struct WANTED = Shape.struct("NewFlag")
            .with("model", NAME, "the model's name")
            .with("case", NAME, "the name of the case that has the share")
            .optional("organization", NAME, "The id or name of whose calls it is for. Default: everybody's.")
            .optional("project", NAME, "The id or name of the project whose calls it is for. Default: everybody's.")
            .with("share_basis_points", SHARE, "the share in hundredths of a percent: 500 is 5%");

    private FlagOperations() {}

    /**
     * The operations on flags.
     *
     * @param offered knows of models and their cases
     */
    public static List<Operation> of(Flags flags, Offered offered) {
        return List.of(
                Pages.in(Operation.get(
                                AT,
                                "listFlags",
                                "Lists shares that go in place of the configured ones, the oldest first.",
                                Pages.of(FLAG),
                                asked -> Pages.reply(
                                        flags.list(
                                                asked.asked("model"),
                                                asked.asked("organization"),
                                                asked.asked("project"),
                                                Pages.asked(asked)),
                                        Flag::id,
                                        Flag::json)))
                        .takes("model", NAME, "Only those of this model.")
                        .takes("organization", NAME, "Only those of the organization with this id or name.")
                        .takes("project", NAME, "Only those of the project with this id or name.")
                        .needs(Right.SERVER_READ),
                Operation.post(
                                AT,
                                "setFlag",
                                "Sets a share, in place of the one that was there. It counts at once.",
                                WANTED,
                                SET_FLAG,
                                asked -> set(flags, offered, asked))
                        .needs(Right.SERVER_WRITE),
                Operation.delete(
                                AT + "/{id}",
                                "removeFlag",
                                "Takes a share away: what is set for the organization, for everybody or in the configuration"
                                        + " goes from now on.",
                                FLAG,
                                asked -> remove(flags, asked))
                        .needs(Right.SERVER_WRITE));
    }

    private static Reply set(Flags flags, Offered offered, Inquiry asked) {
        Flag flag = flags.set(
                asked.who(),
                asked.text("model"),
                asked.text("case"),
                asked.textOrNull("organization"),
                asked.textOrNull("project"),
                (int) asked.whole("share_basis_points", 0));
        ObjectNode json = flag.json();
        Json.put(json, "notes", notes(offered, flag));
        return Reply.json(200, json);
    }

    /** The configuration may follow, so none of these is a mistake. */
    private static List<String> notes(Offered offered, Flag flag) {
        if (!offered.model(flag.model())) {
            return List.of(
                    "there is no model " + flag.model() + " in the configuration now; the share counts once there is");
        }
        if (!offered.share(flag.model(), flag.named())) {
            return List.of("the model " + flag.model() + " has no case " + flag.named()
                    + " with a share in the configuration now; the share counts once it has");
        }
        return List.of();
    }

    private static Reply remove(Flags flags, Inquiry asked) {
        Flag gone = flags.remove(asked.who(), asked.id());
        return gone == null
                ? Reply.error(404, "There is no flag " + asked.id() + ". 'lockkeeper flags list' shows them.")
                : Reply.json(200, gone.json());
    }
}
