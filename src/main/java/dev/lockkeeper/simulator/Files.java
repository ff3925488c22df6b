package dev.lockkeeper.simulator;

import dev.lockkeeper.units.Bytes;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** Files, and uploads that become files, kept in memory within bounds. Any thread. */
final class Files {
    private static final List<String> PURPOSES =
            List.of("assistants", "batch", "fine-tune", "vision", "user_data", "evals");
    private static final long LARGEST_UPLOAD = 8L << 30;
    private static final int UPLOAD_SECONDS = 3_600;

    private final World world;
    private final Shelf<ObjectNode> files = new Shelf<>(Shelf.MOST_THINGS, Long.MAX_VALUE);
    private final Shelf<Bytes> contents = new Shelf<>(Shelf.MOST_THINGS, World.FILE_BYTES);
    private final Shelf<ObjectNode> uploads = new Shelf<>(Shelf.MOST_THINGS, Long.MAX_VALUE);
    private final Shelf<Part> parts = new Shelf<>(Shelf.MOST_THINGS, World.FILE_BYTES);

    /** A part of an upload. */
    private record Part(String upload, Bytes content) {}

    Files(World world) {
        this.world = world;
    }

    ObjectNode create(Multipart form) throws Refused {
        String purpose = form.text("purpose");
        if (purpose == null) {
            throw Refused.missing("purpose");
        }
        if (!PURPOSES.contains(purpose)) {
            throw Params.invalidValue("purpose", purpose, PURPOSES);
        }
        Multipart.Field file = form.field("file");
        if (file == null) {
            throw Refused.missing("file");
        }
        String expires = form.text("expires_after[seconds]");
        return make(
                file.filename() == null ? "upload" : file.filename(),
                purpose,
                file.content(),
                expires == null ? null : world.nowSeconds() + seconds(expires));
    }

    private static long seconds(String text) throws Refused {
        try {
            return Long.parseLong(text);
        } catch (NumberFormatException notOne) {
            throw Refused.wrongType("expires_after.seconds", "an integer", "a string");
        }
    }

    /** Keeps a file and tells its object. */
    ObjectNode make(String filename, String purpose, Bytes content, @Nullable Long expiresAt) {
        String id = world.ids.letters("file-", 22);
        ObjectNode file = Json.object();
        file.put("id", id).put("object", "file").put("bytes", content.length());
        file.put("created_at", world.nowSeconds()).put("expires_at", expiresAt);
        file.put("filename", filename).put("purpose", purpose).put("status", "processed");
        file.putNull("status_details");
        contents.put(id, content, content.length());
        files.put(id, file, 0);
        return file;
    }

    ObjectNode list(Query query) throws Refused {
        String purpose = query.get("purpose");
        return world.page(query, files, each -> purpose == null || purpose.equals(Json.text(each, "purpose")));
    }

    ObjectNode get(String id) throws Refused {
        ObjectNode found = files.get(id);
        if (found == null) {
            throw new Refused(404, "invalid_request_error", "id", null, "No such File object: " + id);
        }
        return found;
    }

    Bytes content(String id) throws Refused {
        get(id);
        Bytes content = contents.get(id);
        if (content == null) {
            throw Refused.notFound(
                    "The content of file '" + id + "' was dropped to keep this simulator's memory bounded.");
        }
        return content;
    }

    ObjectNode delete(String id) throws Refused {
        get(id);
        files.remove(id);
        contents.remove(id);
        return Json.object().put("object", "file").put("deleted", true).put("id", id);
    }

    ObjectNode createUpload(ObjectNode body) throws Refused {
        String filename = Params.needed(body, "filename", "filename");
        String purpose = Params.needed(body, "purpose", "purpose");
        Params.needed(body, "mime_type", "mime_type");
        JsonNode bytes = Json.get(body, "bytes");
        if (bytes == null) {
            throw Refused.missing("bytes");
        }
        if (!bytes.isIntegralNumber() || bytes.longValue() < 0 || bytes.longValue() > LARGEST_UPLOAD) {
            throw Refused.badRequest(
                    "bytes", "invalid_value", "Invalid 'bytes': expected 0 to " + LARGEST_UPLOAD + ".");
        }
        String id = world.ids.hex("upload_", 32);
        ObjectNode upload = Json.object();
        upload.put("id", id).put("object", "upload").put("bytes", bytes.longValue());
        upload.put("created_at", world.nowSeconds()).put("filename", filename).put("purpose", purpose);
        upload.put("status", "pending").put("expires_at", world.nowSeconds() + UPLOAD_SECONDS);
        uploads.put(id, upload, 0);
        return upload;
    }

    private ObjectNode pending(String id) throws Refused {
        ObjectNode upload = uploads.get(id);
        if (upload == null) {
            throw Refused.notFound("No such Upload object: " + id);
        }
        if (!"pending".equals(Json.text(upload, "status"))) {
            throw Refused.badRequest(
                    null, null, "Upload " + id + " is " + Json.text(upload, "status") + ", not pending.");
        }
        return upload;
    }

    ObjectNode addPart(String upload, Multipart form) throws Refused {
        pending(upload);
        Multipart.Field data = form.field("data");
        if (data == null) {
            throw Refused.missing("data");
        }
        String id = world.ids.hex("part_", 32);
        parts.put(id, new Part(upload, data.content()), data.content().length());
        return Json.object()
                .put("id", id)
                .put("object", "upload.part")
                .put("created_at", world.nowSeconds())
                .put("upload_id", upload);
    }

    ObjectNode complete(String id, ObjectNode body) throws Refused {
        ObjectNode upload = pending(id).deepCopy();
        List<String> wanted = new ArrayList<>();
        ByteArrayOutputStream whole = new ByteArrayOutputStream();
        for (JsonNode each : Params.array(body, "part_ids", "part_ids")) {
            String part = each.isString() ? each.stringValue() : "";
            Part found = parts.get(part);
            if (found == null || !found.upload().equals(id)) {
                throw Refused.badRequest("part_ids", "invalid_value", "No such part of this upload: " + part);
            }
            wanted.add(part);
            whole.write(
                    found.content().array(),
                    found.content().offset(),
                    found.content().length());
        }
        long expected = upload.get("bytes").longValue();
        if (whole.size() != expected) {
            throw Refused.badRequest(
                    null,
                    null,
                    "The parts have " + whole.size() + " bytes together, but " + expected + " were announced.");
        }
        wanted.forEach(parts::remove);
        upload.put("status", "completed");
        upload.set(
                "file",
                make(
                        Json.text(upload, "filename", "upload"),
                        Json.text(upload, "purpose", "user_data"),
                        Bytes.of(whole.toByteArray()),
                        null));
        uploads.change(id, upload);
        return upload;
    }

    ObjectNode cancel(String id) throws Refused {
        ObjectNode upload = pending(id).deepCopy();
        upload.put("status", "cancelled");
        uploads.change(id, upload);
        return upload;
    }
}
