package dev.lockkeeper.admin;

import dev.lockkeeper.access.Invitation;
import dev.lockkeeper.access.Keys;
import dev.lockkeeper.access.People;
import dev.lockkeeper.access.People.Accepted;
import dev.lockkeeper.access.People.Shown;
import dev.lockkeeper.access.Person;
import dev.lockkeeper.access.Right;
import dev.lockkeeper.access.Role;
import dev.lockkeeper.access.TokenInfo;
import java.time.Duration;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/** What the admin API does with people, invitations and admin tokens. */
public final class PeopleOperations {
    private static final String PEOPLE = "/admin/v1/people";
    private static final String INVITATIONS = "/admin/v1/invitations";
    private static final String TOKENS = "/admin/v1/tokens";

    private static final Shape NAME = new Shape.Text(Keys.MAX_NAME);
    private static final Shape MAYBE_TIME = new Shape.OrNull(new Shape.Time());
    private static final Shape ROLE =
            new Shape.Word(Arrays.stream(Role.values()).map(Role::word).toList());
    private static final Shape SCOPES = new Shape.ListOf(
            new Shape.Word(Arrays.stream(Right.values()).map(Right::word).toList()), Right.values().length);

    private static final Shape.Struct PERSON = Shape.struct("Person")
            .with("object", Shape.word("person"), "What this is.")
            .with("id", Shape.text(), "Their id, person_…")
            .with("name", NAME, "Their name.")
            .with("email", NAME, "To know them by; nothing is sent to it.")
            .with("role", ROLE, "What they may.")
            .with("created_at", new Shape.Time(), "Since when they are here.")
            .with("removed_at", MAYBE_TIME, "When they were removed; null: they are not.");

    private static final Shape.Struct INVITATION = invitation(Shape.struct("Invitation"));

    private static final Shape.Struct NEW_INVITATION = invitation(Shape.struct("CreatedInvitation")
            .with("invitation", Shape.text(), "Its text: told this once, kept nowhere, and used up by accepting.")
            .with("link", Shape.text(), "The page on the admin port that accepts it."));

    private static final Shape.Struct TOKEN = token(Shape.struct("Token"));

    private static final Shape.Struct NEW_TOKEN =
            token(Shape.struct("CreatedToken").with("token", Shape.text(), "Its text: told this once, kept nowhere."));

    private static final Shape.Struct ACCEPTED = Shape.struct("AcceptedInvitation")
            .with("object", Shape.word("accepted_invitation"), "What this is.")
            .with("person", PERSON, "Who is here now.")
            .with("token", NEW_TOKEN, "The token that they begin with.");

    private PeopleOperations() {}

    private static Shape.Struct invitation(Shape.Struct begun) {
        return begun.with("object", Shape.word("invitation"), "What this is.")
                .with("id", Shape.text(), "Its id, inv_…")
                .with("name", NAME, "Who is invited.")
                .with("email", NAME, "Their address; nothing is sent to it.")
                .with("role", ROLE, "What they become.")
                .with("created_at", new Shape.Time(), "When it was made.")
                .with("expires_at", new Shape.Time(), "Till when it can be used.")
                .with("accepted_at", MAYBE_TIME, "When it was used.")
                .with("revoked_at", MAYBE_TIME, "When it was taken back.");
    }

    private static Shape.Struct token(Shape.Struct begun) {
        return begun.with("object", Shape.word("token"), "What this is.")
                .with("id", Shape.text(), "Its id, token_…")
                .with("name", NAME, "Who or what has it.")
                .with("person", new Shape.OrNull(Shape.text()), "Whose it is; null: a program's.")
                .with("scopes", SCOPES, "What it may; of a person's token only what the person's role may too.")
                .with("last4", Shape.text(), "The last characters of its text.")
                .with("created_at", new Shape.Time(), "When it was made.")
                .with("expires_at", MAYBE_TIME, "When it stops working; null: never.")
                .with("revoked_at", MAYBE_TIME, "When it was revoked.");
    }

    /** The operations on these people. */
    public static List<Operation> of(People people) {
        return List.of(
                Pages.in(Operation.get(
                                PEOPLE,
                                "listPeople",
                                "Lists the people who operate this gateway, removed ones too, the oldest first.",
                                Pages.of(PERSON),
                                asked -> Pages.reply(people.people(Pages.asked(asked)), Person::id, Person::json)))
                        .needs(Right.PEOPLE_READ),
                Operation.patch(
                                PEOPLE + "/{id}",
                                "changePerson",
                                "Gives somebody another role; their tokens follow at once.",
                                Shape.struct("PersonChange").with("role", ROLE, "what they may"),
                                PERSON,
                                asked -> person(people.changeRole(asked.who(), asked.id(), role(asked)), asked))
                        .needs(Right.PEOPLE_WRITE),
                Operation.post(
                                PEOPLE + "/{id}/remove",
                                "removePerson",
                                "Removes somebody for good; their tokens stop at once.",
                                null,
                                PERSON,
                                asked -> person(people.remove(asked.who(), asked.id()), asked))
                        .needs(Right.PEOPLE_WRITE),
                Pages.in(Operation.get(
                                INVITATIONS,
                                "listInvitations",
                                "Lists invitations, used ones too, the oldest first.",
                                Pages.of(INVITATION),
                                asked -> Pages.reply(
                                        people.invitations(Pages.asked(asked)), Invitation::id, Invitation::json)))
                        .needs(Right.PEOPLE_READ),
                Operation.post(
                                INVITATIONS,
                                "createInvitation",
                                "Invites somebody. The link is told this once and works once.",
                                Shape.struct("NewInvitation")
                                        .with("name", NAME, "who is invited")
                                        .with("email", NAME, "their address, to know them by")
                                        .with("role", ROLE, "what they become")
                                        .optional(
                                                "valid_seconds",
                                                new Shape.Whole(60, People.MAX_INVITATION.toSeconds()),
                                                "How long it can be used. Default: 604800, which is 7 days."),
                                NEW_INVITATION,
                                asked -> invite(people, asked))
                        .needs(Right.PEOPLE_WRITE)
                        .creates(),
                Operation.post(
                                INVITATIONS + "/{id}/revoke",
                                "revokeInvitation",
                                "Takes an invitation back.",
                                null,
                                INVITATION,
                                asked -> revoked(people.revokeInvitation(asked.who(), asked.id()), asked))
                        .needs(Right.PEOPLE_WRITE),
                Operation.post(
                                INVITATIONS + "/accept",
                                "acceptInvitation",
                                "Uses an invitation up: answers the person who is here now and their first token."
                                        + " Needs no token.",
                                Shape.struct("Acceptance")
                                        .with("invitation", Shape.text(), "the text of the invitation, lk-invite-…"),
                                ACCEPTED,
                                asked -> accept(people, asked))
                        .forEverybody()
                        .creates()
                        .refuses(409),
                Pages.in(Operation.get(
                                TOKENS,
                                "listTokens",
                                "Lists admin tokens, revoked ones too, the oldest first.",
                                Pages.of(TOKEN),
                                asked -> Pages.reply(
                                        people.tokens(asked.asked("person"), Pages.asked(asked)),
                                        TokenInfo::id,
                                        TokenInfo::json)))
                        .takes("person", NAME, "Only those of the person with this id.")
                        .needs(Right.PEOPLE_READ),
                Operation.post(
                                TOKENS,
                                "createToken",
                                "Makes an admin token. Its text is told this once; it may do no more than its maker.",
                                Shape.struct("NewToken")
                                        .with("name", NAME, "who or what has it, such as terraform")
                                        .with("scopes", SCOPES, "what it may, such as [\"keys:write\"]")
                                        .optional(
                                                "person",
                                                new Shape.OrNull(Shape.text()),
                                                "The id of whose it is. Default: a program's.")
                                        .optional("expires_at", MAYBE_TIME, "When it stops working. Default: never."),
                                NEW_TOKEN,
                                asked -> createToken(people, asked))
                        .needs(Right.PEOPLE_WRITE)
                        .creates(),
                Operation.post(
                                TOKENS + "/{id}/revoke",
                                "revokeToken",
                                "Ends an admin token for good, at once.",
                                null,
                                TOKEN,
                                asked -> token(people.revokeToken(asked.who(), asked.id()), asked))
                        .needs(Right.PEOPLE_WRITE));
    }

    private static Role role(Inquiry asked) {
        // The shape lets only roles through.
        return Role.valueOf(asked.text("role").toUpperCase(java.util.Locale.ROOT));
    }

    private static Reply invite(People people, Inquiry asked) {
        Shown<Invitation> invited = people.invite(
                asked.who(),
                asked.text("name"),
                asked.text("email"),
                role(asked),
                Duration.ofSeconds(asked.whole("valid_seconds", People.INVITATION.toSeconds())));
        ObjectNode json = Json.object()
                .put("invitation", invited.text())
                // Behind the sign that browsers don't send: it stands in no log of a proxy.
                .put("link", InvitationPage.PATH + "#" + invited.text());
        json.setAll(invited.of().json());
        return Reply.json(201, json);
    }

    private static Reply accept(People people, Inquiry asked) {
        Accepted accepted = people.accept(asked.text("invitation"));
        if (accepted == null) {
            return Reply.error(
                    409,
                    "invitation: can't be used: it is unknown, used, taken back, or its time is over. Ask for a new one.",
                    "invitation");
        }
        ObjectNode json = Json.object().put("object", "accepted_invitation");
        json.set("person", accepted.person().json());
        json.set("token", json(accepted.token()));
        return Reply.json(201, json);
    }

    private static Reply createToken(People people, Inquiry asked) {
        Set<Right> rights = EnumSet.noneOf(Right.class);
        asked.texts("scopes").forEach(word -> {
            Right right = Right.of(word);
            if (right != null) {
                rights.add(right);
            }
        });
        return Reply.json(
                201,
                json(people.createToken(
                        asked.who(),
                        asked.text("name"),
                        asked.textOrNull("person"),
                        rights,
                        asked.millis("expires_at"))));
    }

    private static ObjectNode json(Shown<TokenInfo> shown) {
        ObjectNode json = Json.object().put("token", shown.text());
        json.setAll(shown.of().json());
        return json;
    }

    private static Reply person(@Nullable Person person, Inquiry asked) {
        return person == null
                ? Reply.error(404, "There is nobody with id " + asked.id() + ". 'lockkeeper people list' shows them.")
                : Reply.json(200, person.json());
    }

    private static Reply revoked(@Nullable Invitation invitation, Inquiry asked) {
        return invitation == null
                ? Reply.error(404, "There is no invitation " + asked.id() + " that can be used.")
                : Reply.json(200, invitation.json());
    }

    private static Reply token(@Nullable TokenInfo token, Inquiry asked) {
        return token == null
                ? Reply.error(404, "There is no token " + asked.id() + ". 'lockkeeper tokens list' shows them.")
                : Reply.json(200, token.json());
    }
}
