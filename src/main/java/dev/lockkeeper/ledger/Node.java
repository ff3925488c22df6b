package dev.lockkeeper.ledger;

import java.util.List;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * A process that shares the database, and what it has leased of budgets.
 *
 * @param number its number; the file {@code node} in its folder of journals has it
 * @param place its machine and folder, for people; empty where it is not known
 * @param createdMillis when it was seen first, milliseconds since 1970
 * @param heardMillis when it was last heard, by the database's clock; 0: it has stopped, or never shared budgets
 * @param state what is known of it
 * @param leases what it has leased and not spent
 */
public record Node(long number, String place, long createdMillis, long heardMillis, State state, List<Lease> leases) {
    /** What is known of a process. */
    public enum State {
        /** It says that it runs. */
        RUNNING,
        /** It has said nothing for a while, and did not stop cleanly. */
        SILENT,
        /** It has stopped, and given back what it had leased. */
        STOPPED,
        /** What it had leased was taken from it, and it has not started anew since. */
        FENCED
    }

    /**
     * A part of a budget.
     *
     * @param budget its number
     * @param startMillis when the period began; {@link Long#MIN_VALUE} for always
     * @param grantedNanos what may be held and spent, from the period's beginning
     * @param spentNanos what of that is booked
     */
    public record Lease(long budget, long startMillis, long grantedNanos, long spentNanos) {}

    /** The name in answers and commands: {@code node_3}. */
    public String id() {
        return "node_" + number;
    }

    /** What an operator has done to nodes that share budgets. */
    public sealed interface Fenced {
        /**
         * Nothing is leased to it any more.
         *
         * @param node as it is now
         * @param nanos what was taken from it
         */
        record Done(Node node, long nanos) implements Fenced {}

        /** There is no such node, or budgets are not shared. */
        record Unknown() implements Fenced {}

        /**
         * It runs: what its calls hold would be spent twice.
         *
         * @param node as it is
         */
        record Runs(Node node) implements Fenced {}
    }

    /** For the log of changes. */
    static String json(long fence, long nanos) {
        ObjectNode json = JsonMapper.shared().createObjectNode();
        return json.put("fence", fence).put("leased_nanos", nanos).toString();
    }
}
