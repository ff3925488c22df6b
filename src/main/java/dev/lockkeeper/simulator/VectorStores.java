package dev.lockkeeper.simulator;

import dev.lockkeeper.units.Bytes;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Vector stores, the files in them, and searching those by likeness. Any thread. */
final class VectorStores {
    /** The most files that one store keeps; the oldest is dropped. */
    static final int MOST_FILES = 1_000;

    private static final int DIMENSIONS = 256;
    private static final int CHUNK = 800;
    private static final int SEARCHED_BYTES = 1 << 20;
    private static final int RESULTS = 10;
    private static final int MOST_RESULTS = 50;

    private final World world;
    private final Files files;
    private final Shelf<ObjectNode> stores = new Shelf<>(Shelf.MOST_THINGS, Long.MAX_VALUE);
    private final Shelf<Map<String, ObjectNode>> members = new Shelf<>(Shelf.MOST_THINGS, Long.MAX_VALUE);
    private final Shelf<ObjectNode> batches = new Shelf<>(Shelf.MOST_THINGS, Long.MAX_VALUE);
    private final Shelf<List<String>> batchFiles = new Shelf<>(Shelf.MOST_THINGS, Long.MAX_VALUE);

    VectorStores(World world, Files files) {
        this.world = world;
        this.files = files;
    }

    ObjectNode create(ObjectNode body) throws Refused {
        ObjectNode metadata = Params.metadata(body);
        List<JsonNode> first = Params.array(body, "file_ids", "file_ids");
        String id = world.ids.hex("vs_", 32);
        ObjectNode store = Json.object();
        store.put("id", id).put("object", "vector_store").put("created_at", world.nowSeconds());
        store.put("name", Json.text(body, "name", "")).put("description", Json.text(body, "description"));
        store.put("usage_bytes", 0);
        store.set("file_counts", counts(0));
        store.put("status", "completed");
        store.set("expires_after", Json.orNull(Json.get(body, "expires_after")));
        store.putNull("expires_at").put("last_active_at", world.nowSeconds());
        store.set("metadata", metadata == null ? Json.object() : metadata);
        for (JsonNode each : first) {
            files.get(each.isString() ? each.stringValue() : "");
        }
        stores.put(id, store, 0);
        members.put(id, new LinkedHashMap<>(), 0);
        for (JsonNode each : first) {
            add(id, each.stringValue(), null);
        }
        return get(id);
    }

    private static ObjectNode counts(int completed) {
        return Json.object()
                .put("in_progress", 0)
                .put("completed", completed)
                .put("failed", 0)
                .put("cancelled", 0)
                .put("total", completed);
    }

    ObjectNode list(Query query) throws Refused {
        return world.page(query, stores, _ -> true);
    }

    ObjectNode get(String id) throws Refused {
        return stores.needed(id, "Vector store");
    }

    ObjectNode update(String id, ObjectNode body) throws Refused {
        ObjectNode changed = get(id).deepCopy();
        ObjectNode metadata = Params.metadata(body);
        if (metadata != null) {
            changed.set("metadata", metadata);
        }
        String name = Params.text(body, "name");
        if (name != null) {
            changed.put("name", name);
        }
        stores.change(id, changed);
        return changed;
    }

    ObjectNode delete(String id) throws Refused {
        get(id);
        stores.remove(id);
        members.remove(id);
        return Json.object().put("id", id).put("object", "vector_store.deleted").put("deleted", true);
    }

    private ObjectNode add(String store, String file, @Nullable JsonNode attributes) throws Refused {
        ObjectNode held = files.get(file);
        ObjectNode member = Json.object();
        member.put("id", file).put("object", "vector_store.file");
        member.set("usage_bytes", held.get("bytes"));
        member.put("created_at", world.nowSeconds()).put("vector_store_id", store);
        member.put("status", "completed").putNull("last_error");
        member.putObject("chunking_strategy")
                .put("type", "static")
                .putObject("static")
                .put("max_chunk_size_tokens", 800)
                .put("chunk_overlap_tokens", 400);
        member.set("attributes", attributes == null ? Json.object() : attributes);
        synchronized (members) {
            Map<String, ObjectNode> before = members.get(store);
            Map<String, ObjectNode> all = new LinkedHashMap<>(before == null ? Map.of() : before);
            all.put(file, member);
            if (all.size() > MOST_FILES) {
                all.remove(all.keySet().iterator().next());
            }
            changed(store, all);
        }
        return member;
    }

    private void changed(String store, Map<String, ObjectNode> all) throws Refused {
        members.change(store, all);
        ObjectNode changed = get(store).deepCopy();
        long bytes = 0;
        for (ObjectNode each : all.values()) {
            bytes += each.get("usage_bytes").longValue();
        }
        changed.put("usage_bytes", bytes).set("file_counts", counts(all.size()));
        changed.put("last_active_at", world.nowSeconds());
        stores.change(store, changed);
    }

    ObjectNode addFile(String store, ObjectNode body) throws Refused {
        get(store);
        return add(store, Params.needed(body, "file_id", "file_id"), Json.get(body, "attributes"));
    }

    private Map<String, ObjectNode> in(String store) throws Refused {
        get(store);
        Map<String, ObjectNode> all = members.get(store);
        return all == null ? Map.of() : all;
    }

    ObjectNode listFiles(String store, Query query) throws Refused {
        return World.page(query, new ArrayList<>(in(store).values()), !"asc".equals(query.get("order")));
    }

    ObjectNode getFile(String store, String file) throws Refused {
        ObjectNode found = in(store).get(file);
        if (found == null) {
            throw Refused.notFound("No file found with id '" + file + "' in vector store '" + store + "'.");
        }
        return found;
    }

    ObjectNode updateFile(String store, String file, ObjectNode body) throws Refused {
        getFile(store, file);
        return add(store, file, Json.get(body, "attributes"));
    }

    ObjectNode deleteFile(String store, String file) throws Refused {
        getFile(store, file);
        synchronized (members) {
            Map<String, ObjectNode> all = new LinkedHashMap<>(in(store));
            all.remove(file);
            changed(store, all);
        }
        return Json.object()
                .put("id", file)
                .put("object", "vector_store.file.deleted")
                .put("deleted", true);
    }

    ObjectNode fileContent(String store, String file) throws Refused {
        getFile(store, file);
        ObjectNode page = Json.object();
        page.put("object", "vector_store.file_content.page");
        page.putArray("data").addObject().put("type", "text").put("text", text(file));
        return page.put("has_more", false).putNull("next_page");
    }

    private String text(String file) throws Refused {
        Bytes content = files.content(file);
        return content.slice(0, Math.min(content.length(), SEARCHED_BYTES)).utf8();
    }

    ObjectNode createBatch(String store, ObjectNode body) throws Refused {
        get(store);
        List<String> added = new ArrayList<>();
        List<JsonNode> wanted = new ArrayList<>(Params.array(body, "file_ids", "file_ids"));
        for (JsonNode each : Params.array(body, "files", "files")) {
            wanted.add(Json.orNull(each.get("file_id")));
        }
        if (wanted.isEmpty()) {
            throw Refused.missing("file_ids");
        }
        for (JsonNode each : wanted) {
            files.get(each.isString() ? each.stringValue() : "");
        }
        for (JsonNode each : wanted) {
            add(store, each.stringValue(), Json.get(body, "attributes"));
            added.add(each.stringValue());
        }
        String id = world.ids.hex("vsfb_", 32);
        ObjectNode batch = Json.object();
        batch.put("id", id).put("object", "vector_store.files_batch").put("created_at", world.nowSeconds());
        batch.put("vector_store_id", store).put("status", "completed");
        batch.set("file_counts", counts(added.size()));
        batches.put(id, batch, 0);
        batchFiles.put(id, added, 0);
        return batch;
    }

    ObjectNode getBatch(String store, String id) throws Refused {
        ObjectNode found = batches.get(id);
        if (found == null || !store.equals(Json.text(found, "vector_store_id"))) {
            throw Refused.notFound("No file batch found with id '" + id + "' in vector store '" + store + "'.");
        }
        return found;
    }

    ObjectNode batchFiles(String store, String id, Query query) throws Refused {
        getBatch(store, id);
        List<String> wanted = batchFiles.get(id);
        List<JsonNode> all = new ArrayList<>();
        in(store).forEach((file, member) -> {
            if (wanted != null && wanted.contains(file)) {
                all.add(member);
            }
        });
        return World.page(query, all, !"asc".equals(query.get("order")));
    }

    ObjectNode search(String store, ObjectNode body) throws Refused {
        JsonNode query = Json.get(body, "query");
        if (query == null) {
            throw Refused.missing("query");
        }
        List<String> queries = new ArrayList<>();
        if (query.isString()) {
            queries.add(query.stringValue());
        } else {
            query.forEach(each -> queries.add(each.isString() ? each.stringValue() : ""));
        }
        int most = Params.integer(body, "max_num_results", RESULTS, 1, MOST_RESULTS);
        ObjectNode page = Json.object();
        page.put("object", "vector_store.search_results.page");
        ArrayNode asked = page.putArray("search_query");
        queries.forEach(asked::add);
        ArrayNode data = page.putArray("data");
        for (Hit each : hits(store, String.join(" ", queries), most)) {
            ObjectNode hit = data.addObject();
            hit.put("file_id", each.file()).put("filename", each.filename()).put("score", each.score());
            hit.set("attributes", each.attributes());
            hit.putArray("content").addObject().put("type", "text").put("text", each.text());
        }
        return page.put("has_more", false).putNull("next_page");
    }

    private record Hit(String file, String filename, double score, JsonNode attributes, String text) {}

    private List<Hit> hits(String store, String query, int most) throws Refused {
        float[] wanted = Embeddings.vector(query, DIMENSIONS);
        List<Hit> hits = new ArrayList<>();
        for (ObjectNode member : in(store).values()) {
            String file = Json.text(member, "id", "");
            String text;
            String filename;
            try {
                text = text(file);
                filename = Json.text(files.get(file), "filename", "");
            } catch (Refused gone) {
                continue;
            }
            for (int from = 0; from < text.length(); from += CHUNK) {
                String chunk = text.substring(from, Math.min(text.length(), from + CHUNK));
                double score = Math.clamp(Embeddings.cosine(wanted, Embeddings.vector(chunk, DIMENSIONS)), 0.0, 1.0);
                hits.add(new Hit(file, filename, score, Json.orNull(member.get("attributes")), chunk));
            }
        }
        hits.sort(Comparator.comparingDouble(Hit::score).reversed());
        return hits.subList(0, Math.min(most, hits.size()));
    }

    /** What a file search tool finds, in the shape of a {@code file_search_call}'s results. */
    ArrayNode found(ObjectNode tool, String query) {
        ArrayNode found = Json.array();
        for (JsonNode store : Json.list(tool, "vector_store_ids")) {
            try {
                for (Hit each : hits(store.isString() ? store.stringValue() : "", query, 3)) {
                    ObjectNode hit = found.addObject();
                    hit.put("file_id", each.file())
                            .put("filename", each.filename())
                            .put("score", each.score());
                    hit.set("attributes", each.attributes());
                    hit.put("text", each.text());
                }
            } catch (Refused unknownStore) {
                // A store of another provider: found like an empty one, so that a gateway can be tried without stores.
            }
        }
        return found;
    }
}
