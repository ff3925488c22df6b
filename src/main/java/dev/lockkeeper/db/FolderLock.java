package dev.lockkeeper.db;

import dev.lockkeeper.db.DatabaseUnavailable.Reason;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** The right of one process to a data folder, held by a lock on {@value #NAME}; the system takes it back when the process dies. */
final class FolderLock implements AutoCloseable {
    static final String NAME = "lockkeeper.lock";

    /** The byte that is locked: far behind the content, so that others can read who holds it on every system. */
    private static final long LOCKED_BYTE = Long.MAX_VALUE - 1;

    private static final int MAX_PID_DIGITS = 20;

    /**
     * Folders that this process has open. Asked before the file is opened: POSIX gives a process's locks on a file back
     * when any of its descriptors of that file is closed, so that even a refused second try would cost the first its lock.
     */
    private static final Set<Path> OPEN = ConcurrentHashMap.newKeySet();

    private final Path folder;
    private final FileChannel channel;
    private final FileLock lock;

    private FolderLock(Path folder, FileChannel channel, FileLock lock) {
        this.folder = folder;
        this.channel = channel;
        this.lock = lock;
    }

    /** Makes the folder where it is missing, readable to its owner alone, and takes its lock. */
    static FolderLock take(Path wanted) throws DatabaseUnavailable {
        Path folder = made(wanted);
        if (!OPEN.add(folder)) {
            throw inUse(wanted, ProcessHandle.current().pid());
        }
        FolderLock taken = null;
        try {
            taken = lock(folder, wanted);
            return taken;
        } finally {
            if (taken == null) {
                OPEN.remove(folder);
            }
        }
    }

    private static Path made(Path wanted) throws DatabaseUnavailable {
        try {
            OwnerOnly.folder(wanted);
            return wanted.toRealPath();
        } catch (FileAlreadyExistsException e) {
            throw new DatabaseUnavailable(
                    Reason.UNWRITABLE,
                    "data folder " + wanted.toAbsolutePath() + " can't be made: " + e.getFile()
                            + " is a file. Name another folder with --data.",
                    e);
        } catch (IOException e) {
            throw unwritable(wanted, "made", e);
        }
    }

    @SuppressWarnings("StreamResourceLeak") // The channel lives as long as the lock; closed below when there is none.
    private static FolderLock lock(Path folder, Path wanted) throws DatabaseUnavailable {
        FileChannel channel;
        try {
            channel = FileChannel.open(
                    folder.resolve(NAME), StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
            // Made by an older version, or just now, before anything is in it.
            OwnerOnly.close(folder.resolve(NAME));
        } catch (IOException e) {
            throw unwritable(wanted, "written", e);
        }
        try {
            FileLock lock = channel.tryLock(LOCKED_BYTE, 1, false);
            if (lock == null) {
                long holder = holder(channel);
                channel.close();
                throw inUse(wanted, holder);
            }
            channel.truncate(0);
            channel.write(
                    ByteBuffer.wrap((ProcessHandle.current().pid() + "\n").getBytes(StandardCharsets.US_ASCII)), 0);
            return new FolderLock(folder, channel, lock);
        } catch (IOException e) {
            try {
                channel.close();
            } catch (IOException suppressed) {
                e.addSuppressed(suppressed);
            }
            throw unwritable(wanted, "locked", e);
        }
    }

    /** The process id that the holder wrote, -1 when it can't be read. */
    private static long holder(FileChannel channel) throws IOException {
        ByteBuffer text = ByteBuffer.allocate(MAX_PID_DIGITS);
        channel.read(text, 0);
        String pid = new String(text.array(), 0, text.position(), StandardCharsets.US_ASCII).strip();
        return pid.matches("[0-9]{1,18}") ? Long.parseLong(pid) : -1;
    }

    private static DatabaseUnavailable inUse(Path folder, long pid) {
        String who = pid < 0
                ? "another process"
                : pid == ProcessHandle.current().pid() ? "this process (" + pid + ")" : "process " + pid;
        return new DatabaseUnavailable(
                Reason.IN_USE,
                pid,
                "data folder " + folder.toAbsolutePath() + " is in use by " + who
                        + ". Stop that process, or name another folder with --data.");
    }

    static DatabaseUnavailable unwritable(Path folder, String verb, IOException e) {
        String why = e instanceof FileSystemException file && file.getReason() != null
                ? file.getReason()
                : e.getClass().getSimpleName().replace("Exception", "") + " " + e.getMessage();
        return new DatabaseUnavailable(
                Reason.UNWRITABLE,
                "data folder " + folder.toAbsolutePath() + " can't be " + verb + ": " + why
                        + ". Make it writable for this user, or name another folder with --data.",
                e);
    }

    @Override
    public void close() {
        try (channel) {
            lock.release();
        } catch (IOException e) {
            // Closing the channel gives the lock back too; at worst the process's end does.
        } finally {
            OPEN.remove(folder);
        }
    }
}
