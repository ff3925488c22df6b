package dev.lockkeeper.simulator;

import dev.lockkeeper.units.Bytes;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Batches: their lines are answered by the simulator itself, soon and in order. Any thread. */
final class Batches {
    private static final List<String> ENDPOINTS = List.of(
            "/v1/responses",
            "/v1/chat/completions",
            "/v1/embeddings",
            "/v1/completions",
            "/v1/moderations",
            "/v1/images/generations",
            "/v1/images/edits");
    private static final int MOST_LINES = 50_000;
    private static final int MOST_MISTAKES = 100;
    private static final long DAY_SECONDS = 86_400;

    /** Answers a line as if it had come by itself. */
    @FunctionalInterface
    interface Answering {
        Plan answer(Request request);
    }

    private final World world;
    private final Files files;
    private final Executor workers;
    private final Answering answering;
    private final Shelf<ObjectNode> batches = new Shelf<>(Shelf.MOST_THINGS, Long.MAX_VALUE);

    Batches(World world, Files files, Executor workers, Answering answering) {
        this.world = world;
        this.files = files;
        this.workers = workers;
        this.answering = answering;
    }

    /** A line of the input. */
    private record Line(String id, String url, ObjectNode body) {}

    ObjectNode create(ObjectNode body) throws Refused {
        String input = Params.needed(body, "input_file_id", "input_file_id");
        String endpoint = Params.needed(body, "endpoint", "endpoint");
        if (!ENDPOINTS.contains(endpoint)) {
            throw Params.invalidValue("endpoint", endpoint, ENDPOINTS);
        }
        String window = Params.needed(body, "completion_window", "completion_window");
        if (!window.equals("24h")) {
            throw Params.invalidValue("completion_window", window, List.of("24h"));
        }
        ObjectNode metadata = Params.metadata(body);
        if (!"batch".equals(Json.text(files.get(input), "purpose"))) {
            throw Refused.badRequest(
                    "input_file_id",
                    "invalid_value",
                    "Invalid 'input_file_id': the file's purpose is '" + Json.text(files.get(input), "purpose")
                            + "', but it must be 'batch'.");
        }
        Bytes content = files.content(input);
        String id = world.ids.hex("batch_", 32);
        long now = world.nowSeconds();
        ObjectNode batch = Json.object();
        batch.put("id", id).put("object", "batch").put("endpoint", endpoint).putNull("errors");
        batch.put("input_file_id", input).put("completion_window", window).put("status", "validating");
        batch.putNull("output_file_id").putNull("error_file_id");
        batch.put("created_at", now).putNull("in_progress_at").put("expires_at", now + DAY_SECONDS);
        for (String time :
                List.of("finalizing_at", "completed_at", "failed_at", "expired_at", "cancelling_at", "cancelled_at")) {
            batch.putNull(time);
        }
        batch.set("request_counts", counts(0, 0, 0));
        batch.set("metadata", Json.orNull(metadata));
        batches.put(id, batch, 0);
        try {
            workers.execute(() -> run(id, endpoint, content));
        } catch (RejectedExecutionException full) {
            batches.remove(id);
            throw new Refused(
                    503,
                    "service_unavailable_error",
                    null,
                    "server_is_overloaded",
                    "The simulator has too many requests waiting.");
        }
        return batch;
    }

    private static ObjectNode counts(int total, int completed, int failed) {
        return Json.object().put("total", total).put("completed", completed).put("failed", failed);
    }

    ObjectNode list(Query query) throws Refused {
        return world.page(query, batches, _ -> true);
    }

    ObjectNode get(String id) throws Refused {
        ObjectNode found = batches.get(id);
        if (found == null) {
            throw Refused.notFound("No batch found with id '" + id + "'.");
        }
        return found;
    }

    ObjectNode cancel(String id) throws Refused {
        synchronized (batches) {
            ObjectNode batch = get(id);
            String status = Json.text(batch, "status", "");
            return switch (status) {
                case "validating", "in_progress", "finalizing" -> {
                    ObjectNode cancelling = batch.deepCopy();
                    cancelling.put("status", "cancelling").put("cancelling_at", world.nowSeconds());
                    batches.change(id, cancelling);
                    yield cancelling;
                }
                case "cancelling", "cancelled" -> {
                    yield batch;
                }
                default ->
                    throw new Refused(
                            409,
                            "invalid_request_error",
                            null,
                            null,
                            "Cannot cancel a batch with status '" + status + "'.");
            };
        }
    }

    /** Moves a batch on unless it is being cancelled: then ends it, and says false. */
    private boolean move(String id, String status, String time, ObjectNode news) {
        synchronized (batches) {
            ObjectNode batch = batches.get(id);
            if (batch == null) {
                return false;
            }
            ObjectNode moved = batch.deepCopy();
            boolean cancelled = "cancelling".equals(Json.text(batch, "status"));
            moved.setAll(news);
            if (cancelled) {
                moved.put("status", "cancelled").put("cancelled_at", world.nowSeconds());
            } else {
                moved.put("status", status).put(time, world.nowSeconds());
            }
            batches.change(id, moved);
            return !cancelled;
        }
    }

    private boolean cancelling(String id) {
        ObjectNode batch = batches.get(id);
        return batch == null || "cancelling".equals(Json.text(batch, "status"));
    }

    private void run(String id, String endpoint, Bytes content) {
        ArrayNode mistakes = Json.array();
        List<Line> lines = lines(content, endpoint, mistakes);
        if (!mistakes.isEmpty()) {
            ObjectNode errors = Json.object();
            errors.putObject("errors").put("object", "list").set("data", mistakes);
            move(id, "failed", "failed_at", errors);
            return;
        }
        ObjectNode started = Json.object();
        started.set("request_counts", counts(lines.size(), 0, 0));
        if (!move(id, "in_progress", "in_progress_at", started)) {
            return;
        }
        Tally tally = new Tally();
        for (Line line : lines) {
            if (cancelling(id)) {
                break;
            }
            answer(line, tally);
        }
        ObjectNode done = Json.object();
        done.set("request_counts", counts(lines.size(), tally.completed, tally.failed));
        done.set("usage", tally.usage());
        if (tally.completed > 0) {
            done.put("output_file_id", file(id + "_output.jsonl", tally.output));
        }
        if (tally.failed > 0) {
            done.put("error_file_id", file(id + "_error.jsonl", tally.errors));
        }
        ObjectNode finalizing = Json.object();
        finalizing.set("request_counts", done.get("request_counts"));
        if (cancelling(id) || move(id, "finalizing", "finalizing_at", finalizing)) {
            move(id, "completed", "completed_at", done);
        }
    }

    private String file(String name, ByteArrayOutputStream content) {
        return Json.text(files.make(name, "batch_output", Bytes.of(content.toByteArray()), null), "id", "");
    }

    /** What the lines have come to so far. */
    private static final class Tally {
        final ByteArrayOutputStream output = new ByteArrayOutputStream();
        final ByteArrayOutputStream errors = new ByteArrayOutputStream();
        int completed;
        int failed;
        long in;
        long cached;
        long out;
        long reasoning;

        void add(@Nullable JsonNode usage) {
            in += Json.number(usage, "input_tokens", Json.number(usage, "prompt_tokens", 0));
            out += Json.number(usage, "output_tokens", Json.number(usage, "completion_tokens", 0));
            JsonNode ins = Json.get(usage, "input_tokens_details");
            cached += Json.number(ins == null ? Json.get(usage, "prompt_tokens_details") : ins, "cached_tokens", 0);
            JsonNode outs = Json.get(usage, "output_tokens_details");
            reasoning += Json.number(
                    outs == null ? Json.get(usage, "completion_tokens_details") : outs, "reasoning_tokens", 0);
        }

        ObjectNode usage() {
            ObjectNode usage = Json.object();
            usage.put("input_tokens", in);
            usage.putObject("input_tokens_details").put("cached_tokens", cached);
            usage.put("output_tokens", out);
            usage.putObject("output_tokens_details").put("reasoning_tokens", reasoning);
            return usage.put("total_tokens", in + out);
        }
    }

    private void answer(Line line, Tally tally) {
        Plan plan = answering.answer(
                new Request("POST", line.url, Query.of(null), "application/json", null, Json.bytes(line.body)));
        int status = 400;
        JsonNode body = Refused.envelope(
                "Streaming is not supported in a batch.", "invalid_request_error", "stream", "unsupported_value");
        if (plan instanceof Plan.Whole whole) {
            Bytes bytes = whole.body();
            status = whole.status();
            body = Json.orNull(Json.parse(bytes.array(), bytes.offset(), bytes.length()));
        }
        ObjectNode written = Json.object();
        written.put("id", world.ids.hex("batch_req_", 32)).put("custom_id", line.id);
        ObjectNode response = written.putObject("response").put("status_code", status);
        response.put("request_id", world.ids.hex("req_", 32)).set("body", body);
        written.putNull("error");
        boolean good = status < 400;
        if (good) {
            tally.completed++;
            tally.add(body.get("usage"));
        } else {
            tally.failed++;
        }
        ByteArrayOutputStream to = good ? tally.output : tally.errors;
        to.writeBytes(Json.bytes(written).toArray());
        to.write('\n');
    }

    private static List<Line> lines(Bytes content, String endpoint, ArrayNode mistakes) {
        List<Line> lines = new ArrayList<>();
        Set<String> seen = new HashSet<>();
        @Nullable String model = null;
        int number = 0;
        for (String text : content.utf8().split("\r?\n")) {
            number++;
            if (text.isBlank() || mistakes.size() >= MOST_MISTAKES) {
                continue;
            }
            JsonNode node = Json.parse(text);
            String id = Json.text(node, "custom_id");
            if (!(node instanceof ObjectNode line) || !(line.get("body") instanceof ObjectNode body)) {
                mistake(mistakes, "invalid_json_line", "This line is not parseable as valid JSON.", null, number);
            } else if (id == null) {
                mistake(
                        mistakes,
                        "missing_required_parameter",
                        "Missing required parameter: 'custom_id'.",
                        "custom_id",
                        number);
            } else if (!seen.add(id)) {
                mistake(
                        mistakes,
                        "duplicate_custom_id",
                        "The custom_id '" + id + "' is used more than once.",
                        "custom_id",
                        number);
            } else if (!endpoint.equals(Json.text(line, "url"))) {
                mistake(
                        mistakes,
                        "invalid_url",
                        "The url must be the batch's endpoint, '" + endpoint + "'.",
                        "url",
                        number);
            } else if (!"POST".equals(Json.text(line, "method"))) {
                mistake(mistakes, "invalid_method", "The method must be 'POST'.", "method", number);
            } else if (model != null && !model.equals(Json.text(body, "model", ""))) {
                mistake(mistakes, "mismatched_model", "All lines must use one model.", "body.model", number);
            } else {
                model = Json.text(body, "model", "");
                lines.add(new Line(id, endpoint, body));
            }
        }
        if (lines.isEmpty() && mistakes.isEmpty()) {
            mistake(mistakes, "empty_file", "The input file has no lines.", null, 1);
        } else if (lines.size() > MOST_LINES) {
            mistake(mistakes, "too_many_tasks", "A batch has at most " + MOST_LINES + " lines.", null, number);
        }
        return lines;
    }

    private static void mistake(ArrayNode mistakes, String code, String message, @Nullable String param, int line) {
        mistakes.addObject()
                .put("code", code)
                .put("message", message)
                .put("param", param)
                .put("line", line);
    }
}
