package dev.lockkeeper.admin;

import dev.lockkeeper.access.Access;
import dev.lockkeeper.access.Right;
import dev.lockkeeper.db.Witness;
import dev.lockkeeper.ledger.Budgets;
import dev.lockkeeper.ledger.Node;
import dev.lockkeeper.units.Money;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.function.Supplier;
import java.util.stream.Stream;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** What the admin API does with the servers that share budgets. */
public final class NodeOperations {
    private static final String NODES = "/admin/v1/nodes";
    private static final Shape MAYBE_TIME = new Shape.OrNull(new Shape.Time());
    private static final Shape.Text AMOUNT = new Shape.Text(40);

    private static final Shape.Struct LEASE = Shape.struct("Lease")
            .with("budget", Shape.text(), "The budget's id.")
            .with("period_start", MAYBE_TIME, "When the period began; null: always.")
            .with("granted", AMOUNT, "What the server may hold and spend, from the period's beginning.")
            .with("spent", AMOUNT, "What of that is booked.");

    private static final Shape.Struct NODE = Shape.struct("Node")
            .with("object", Shape.word("node"), "What this is.")
            .with("id", Shape.text(), "Its id, node_…; the file journal/node in its data folder has the number.")
            .with("place", Shape.text(), "Its machine and folder; empty where it is not known.")
            .with(
                    "state",
                    new Shape.Word(Stream.of(Node.State.values())
                            .map(NodeOperations::word)
                            .toList()),
                    "Whether it runs, has fallen silent, has stopped, or was fenced.")
            .with("created_at", new Shape.Time(), "When it was seen first.")
            .with("heard_at", MAYBE_TIME, "When it was last heard; null: it has stopped.")
            .with("leased", AMOUNT, "What it has leased of budgets and not spent, added up: a call may be in several.")
            .with("leases", new Shape.ListOf(LEASE, Integer.MAX_VALUE), "Each of them.");

    private static final Shape.Struct FENCE = Shape.struct("Fence")
            .optional("force", new Shape.Flag(), "Whether it is fenced even if it says that it runs. Default: false.");

    private NodeOperations() {}

    /** Takes from a server what it has leased: see {@link Budgets#fence}. */
    @FunctionalInterface
    public interface Fencing {
        /** Does it. */
        Node.Fenced fence(long number, boolean force, Witness witness);
    }

    /** The operations. */
    public static List<Operation> of(Supplier<List<Node>> nodes, Fencing fencing, Access access) {
        return List.of(
                Operation.get(
                                NODES,
                                "listNodes",
                                "Lists the servers that share budgets and what they have leased; none with SQLite.",
                                Shape.answerList(NODE),
                                _ -> Reply.json(
                                        200,
                                        Json.list(nodes.get().stream()
                                                .map(NodeOperations::json)
                                                .toList())))
                        .needs(Right.MONEY_READ),
                Operation.post(
                                NODES + "/{id}/fence",
                                "fenceNode",
                                "Takes from a server that won't come back what it has leased of budgets.",
                                FENCE,
                                NODE,
                                asked -> fence(fencing, access, asked))
                        .refuses(409)
                        .needs(Right.MONEY_WRITE));
    }

    private static Reply fence(Fencing fencing, Access access, Inquiry asked) {
        long number =
                asked.id().matches("node_\\d{1,18}") ? Long.parseLong(asked.id().substring("node_".length())) : 0;
        Node.Fenced fenced =
                fencing.fence(number, asked.flag("force", false), access.audit().witness(asked.who(), "node.fence"));
        return switch (fenced) {
            case Node.Fenced.Done(Node node, long nanos) ->
                Reply.json(200, json(node).put("leased", new Money(nanos).toString()));
            case Node.Fenced.Unknown() -> Reply.error(404, "No node " + asked.id() + " shares budgets; see the list.");
            case Node.Fenced.Runs(Node node) ->
                Reply.error(
                        409,
                        node.id() + " was heard at " + Instant.ofEpochMilli(node.heardMillis())
                                + ": it runs, and gives back by itself what it does not need. Stop it first; or say"
                                + " force, then what its calls hold may be spent twice.");
        };
    }

    private static ObjectNode json(Node node) {
        ObjectNode json = Json.object()
                .put("object", "node")
                .put("id", node.id())
                .put("place", node.place())
                .put("state", word(node.state()))
                .put("created_at", Instant.ofEpochMilli(node.createdMillis()).toString())
                .put(
                        "heard_at",
                        node.heardMillis() == 0
                                ? null
                                : Instant.ofEpochMilli(node.heardMillis()).toString());
        long leased = 0;
        ArrayNode leases = json.arrayNode();
        for (Node.Lease each : node.leases()) {
            leased = Math.addExact(leased, each.grantedNanos() - each.spentNanos());
            leases.addObject()
                    .put("budget", "bud_" + each.budget())
                    .put(
                            "period_start",
                            each.startMillis() == Long.MIN_VALUE
                                    ? null
                                    : Instant.ofEpochMilli(each.startMillis()).toString())
                    .put("granted", new Money(each.grantedNanos()).toString())
                    .put("spent", new Money(each.spentNanos()).toString());
        }
        json.put("leased", new Money(leased).toString()).set("leases", leases);
        return json;
    }

    private static String word(Node.State state) {
        return state.name().toLowerCase(Locale.ROOT);
    }
}
