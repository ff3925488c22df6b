package dev.lockkeeper.admin;

import dev.lockkeeper.db.OwnerOnly;
import dev.lockkeeper.http.Addresses;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalLong;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/**
 * A server that runs on a data folder, as {@value #FILE} in that folder tells: what commands on the same machine need to
 * talk to it. The file counts only while the folder's lock is held by the process that it names; what a killed server
 * leaves behind misleads nobody.
 *
 * @param pid its process
 * @param admin where its admin port is reached from this machine
 * @param token what opens it
 */
public record RunningServer(long pid, URI admin, AdminToken token) {
    /** Its file in the data folder. */
    public static final String FILE = "server.json";

    /**
     * Tells commands of this process's server, once its admin port is open.
     *
     * @param host the address that the admin port listens on
     * @param port its port
     */
    public static void announce(Path folder, String host, int port) throws IOException {
        OwnerOnly.write(
                folder.resolve(FILE),
                Json.text(Json.object()
                                .put("pid", ProcessHandle.current().pid())
                                .put("admin", uri(host, port).toString()))
                        + "\n");
    }

    /** Takes back what {@link #announce} told. */
    public static void withdraw(Path folder) throws IOException {
        Files.deleteIfExists(folder.resolve(FILE));
    }

    /**
     * The server on a folder; empty when none has announced itself there, or the one that did is not who holds the
     * folder's lock.
     *
     * @param holder process that holds the folder's lock, where it is known
     */
    public static Optional<RunningServer> on(Path folder, OptionalLong holder) {
        try {
            JsonNode json = Json.MAPPER.readTree(Files.readString(folder.resolve(FILE)));
            long pid = json.path("pid").asLong();
            if (holder.isPresent() && holder.getAsLong() != pid) {
                return Optional.empty();
            }
            return Optional.of(
                    new RunningServer(pid, URI.create(json.path("admin").asString()), AdminToken.read(folder)));
        } catch (IOException | JacksonException | IllegalArgumentException e) {
            return Optional.empty();
        }
    }

    /** An address that stands for all of them is reached by loopback. */
    private static URI uri(String host, int port) {
        String reached = switch (host) {
            case "0.0.0.0", "" -> "127.0.0.1";
            case "::", "[::]", "0:0:0:0:0:0:0:0" -> "[::1]";
            default -> Addresses.inUrl(host);
        };
        return URI.create("http://" + reached + ":" + port);
    }
}
