package dev.lockkeeper.http;

import java.io.IOException;
import java.net.ConnectException;
import java.net.SocketException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.util.EnumSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The file of a Unix socket that a server listens on. The server binds beside it, at {@link #bound}; {@link #show} gives
 * the socket its permissions and only then moves it to its place, so that nobody connects who may not, and what a dead
 * process left there is replaced in one step. Blocks; not on an event loop.
 */
final class UnixSocketFile implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(UnixSocketFile.class);

    private final ServerSettings.UnixSocket socket;
    private final Path bound;
    private @Nullable Object fileKey;

    private UnixSocketFile(ServerSettings.UnixSocket socket) {
        this.socket = socket;
        this.bound = socket.path()
                .resolveSibling(socket.path().getFileName() + "."
                        + ProcessHandle.current().pid());
    }

    /**
     * Looks whether the place can be had.
     *
     * @throws PortTaken if a living process listens there, or if what is there is no socket
     */
    static UnixSocketFile claim(ServerSettings.UnixSocket socket) {
        UnixSocketFile file = new UnixSocketFile(socket);
        Path folder = socket.path().getParent();
        if (folder == null || !Files.isDirectory(folder)) {
            throw PortTaken.at(socket.path(), "there is no folder " + folder + "; make it", null);
        }
        try {
            refuseUnlessDead(socket.path());
            refuseUnlessDead(file.bound);
            Files.deleteIfExists(file.bound);
        } catch (IOException e) {
            throw PortTaken.at(socket.path(), "what is there can't be looked at or removed: " + e, e);
        }
        return file;
    }

    private static void refuseUnlessDead(Path path) throws IOException {
        BasicFileAttributes found;
        try {
            found = Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
        } catch (NoSuchFileException free) {
            return;
        }
        if (!found.isOther()) {
            throw PortTaken.at(path, "what is there is no socket; remove it, or choose another path", null);
        }
        try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            // Not to wait for a process that lives and accepts nobody: its queue may be full.
            channel.configureBlocking(false);
            channel.connect(UnixDomainSocketAddress.of(path));
            throw PortTaken.at(path, "another process listens there; stop it, or choose another path", null);
        } catch (ConnectException dead) {
            LOG.info("Nobody listens at {} any more; the file is replaced", path);
        } catch (SocketException hidden) { // its queue is full, or we may not connect
            throw PortTaken.at(
                    path,
                    "another process may listen there (" + hidden.getMessage() + "); stop it, or choose another path",
                    hidden);
        }
    }

    /** Where to bind. */
    Path bound() {
        return bound;
    }

    /** Lets clients see the bound socket. */
    void show() {
        try {
            Files.setPosixFilePermissions(bound, permissions(socket.mode()));
            fileKey = key(bound);
            Files.move(bound, socket.path(), StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException | UnsupportedOperationException e) {
            throw PortTaken.at(socket.path(), "the socket can't be put there: " + e, e);
        }
    }

    private static Object key(Path path) throws IOException {
        BasicFileAttributes attributes =
                Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
        Object key = attributes.fileKey();
        return key == null ? attributes.creationTime() : key;
    }

    private static Set<PosixFilePermission> permissions(int mode) {
        PosixFilePermission[] fromHigh = PosixFilePermission.values(); // owner read, write, execute, then group, others
        Set<PosixFilePermission> set = EnumSet.noneOf(PosixFilePermission.class);
        for (int i = 0; i < fromHigh.length; i++) {
            if ((mode & (0400 >> i)) != 0) {
                set.add(fromHigh[i]);
            }
        }
        return set;
    }

    /** Removes the file, unless another process has put its own there meanwhile. */
    @Override
    public void close() {
        try {
            if (fileKey != null && fileKey.equals(key(socket.path()))) {
                Files.deleteIfExists(socket.path());
            }
        } catch (NoSuchFileException gone) {
            // somebody was quicker
        } catch (IOException e) {
            LOG.warn("The socket {} can't be removed: {}", socket.path(), e.toString());
        }
    }
}
