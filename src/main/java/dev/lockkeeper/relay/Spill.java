package dev.lockkeeper.relay;

import dev.lockkeeper.units.Bytes;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;

/**
 * A file that keeps a part of one upload until it can be sent. Blocks; used by one thread at a time, which hands it over by
 * an executor.
 */
final class Spill {
    private final Path folder;
    private final String name;
    private @Nullable FileChannel channel;
    private long written;
    private long read;

    Spill(Path folder, String name) {
        this.folder = folder;
        this.name = name;
    }

    void append(Bytes[] pieces) throws IOException {
        FileChannel to = channel;
        if (to == null) {
            Files.createDirectories(folder);
            // Gone with the process, whatever ends it: the file has no name after it was opened where the system
            // allows.
            to = FileChannel.open(
                    folder.resolve(name),
                    StandardOpenOption.CREATE_NEW,
                    StandardOpenOption.READ,
                    StandardOpenOption.WRITE,
                    StandardOpenOption.DELETE_ON_CLOSE);
            channel = to;
        }
        for (Bytes piece : pieces) {
            ByteBuffer buffer = ByteBuffer.wrap(piece.array(), piece.offset(), piece.length());
            while (buffer.hasRemaining()) {
                written += to.write(buffer, written);
            }
        }
    }

    /** Bytes not read yet. */
    long left() {
        return written - read;
    }

    Bytes read(int most) throws IOException {
        FileChannel from = channel;
        if (from == null) {
            throw new IOException("nothing was written");
        }
        ByteBuffer buffer = ByteBuffer.allocate((int) Math.min(most, left()));
        while (buffer.hasRemaining()) {
            if (from.read(buffer, read + buffer.position()) < 0) {
                throw new IOException("the file is shorter than what was written to it");
            }
        }
        read += buffer.capacity();
        return Bytes.of(buffer.array());
    }

    void delete() {
        FileChannel open = channel;
        channel = null;
        if (open != null) {
            try {
                open.close();
            } catch (IOException ignored) {
                // Closed is closed; the file goes with the process at the latest.
            }
        }
    }
}
