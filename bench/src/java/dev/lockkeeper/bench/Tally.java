package dev.lockkeeper.bench;

import dev.lockkeeper.bench.Ask.End;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The books of a soak: each call sent ends once for its client and once in the gateway's log, with the same id and status.
 * Any thread.
 */
final class Tally {
    private static final int WRONG_KEPT = 200;

    private final Map<End, Long> ends = new EnumMap<>(End.class);
    private final Map<String, Map<End, Long>> kinds = new TreeMap<>();
    private final Map<String, Integer> toldByClient = new HashMap<>();
    private final Map<String, Integer> toldByLog = new HashMap<>();
    private final Deque<String> wrong = new ArrayDeque<>();
    private final Map<String, Long> logOutcomes = new TreeMap<>();
    private long sent;
    private long ended;
    private long wrongs;
    private long withoutId;
    private long lines;
    private long statusesDiffer;

    /** A call has left. */
    synchronized void sent() {
        sent++;
    }

    /**
     * A call has ended for its client.
     *
     * @param id what the gateway called it; null when the client was not told
     * @param status the status it was told, 0 for none
     * @param detail what is written down when the ending is wrong
     */
    synchronized void ended(Ask ask, End how, @Nullable String id, int status, String detail) {
        ended++;
        ends.merge(how, 1L, Long::sum);
        kinds.computeIfAbsent(ask.kind(), _ -> new EnumMap<>(End.class)).merge(how, 1L, Long::sum);
        if (!ask.right().contains(how)) {
            wrongs++;
            if (wrong.size() < WRONG_KEPT) {
                wrong.add(ask.kind() + ": " + how + " (expected: " + ask.right() + "), status " + status + ", " + id
                        + " " + detail);
            }
        }
        if (id == null) {
            withoutId++;
        } else {
            match(id, status, toldByLog, toldByClient);
        }
    }

    /** The gateway has written a line. */
    void line(String line) {
        int at = line.indexOf("\"request_id\":\"");
        if (at < 0) {
            return;
        }
        at += "\"request_id\":\"".length();
        String id = line.substring(at, line.indexOf('"', at));
        int status = Integer.parseInt(value(line, "\"status\":"));
        String outcome = value(line, "\"outcome\":");
        synchronized (this) {
            lines++;
            logOutcomes.merge(outcome, 1L, Long::sum);
            match(id, status, toldByClient, toldByLog);
        }
    }

    private static String value(String line, String name) {
        int at = line.indexOf(name) + name.length();
        int end = at;
        while (line.charAt(end) != ',' && line.charAt(end) != '}') {
            end++;
        }
        return line.substring(at, end).replace("\"", "");
    }

    private void match(String id, int status, Map<String, Integer> others, Map<String, Integer> own) {
        Integer other = others.remove(id);
        if (other == null) {
            own.put(id, status);
        } else if (other != status) {
            statusesDiffer++;
        }
    }

    synchronized long sentSoFar() {
        return sent;
    }

    synchronized long endedSoFar() {
        return ended;
    }

    synchronized long linesSoFar() {
        return lines;
    }

    /** Calls that ended otherwise than they had to. */
    synchronized long wrongs() {
        return wrongs;
    }

    synchronized List<String> wrongOnes() {
        return List.copyOf(wrong);
    }

    /** Calls whose client was told no id: those that left before their head, and those without an answer. */
    synchronized long withoutId() {
        return withoutId;
    }

    /** Lines whose id no client was told. */
    synchronized long onlyInLog() {
        return toldByLog.size();
    }

    /** Ids that clients were told and that are in no line. */
    synchronized long onlyAtClients() {
        return toldByClient.size();
    }

    synchronized long statusesDiffer() {
        return statusesDiffer;
    }

    synchronized Map<End, Long> ends() {
        return new EnumMap<>(ends);
    }

    synchronized Map<String, Long> outcomes() {
        return new TreeMap<>(logOutcomes);
    }

    /** The endings of each kind of call, one line each. */
    synchronized String table() {
        StringBuilder text = new StringBuilder();
        kinds.forEach(
                (kind, counts) -> text.append(kind).append(": ").append(counts).append('\n'));
        return text.toString();
    }
}
