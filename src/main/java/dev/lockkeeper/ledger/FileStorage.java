package dev.lockkeeper.ledger;

import dev.lockkeeper.db.OwnerOnly;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongSupplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Segments as files of a folder, {@code 0-000000000001.journal}: the loop, and the number. */
final class FileStorage implements Storage {
    private static final Pattern NAME = Pattern.compile("(\\d{1,4})-(\\d{12,18})\\.journal");
    private static final int CHUNK = 64 << 10;

    private final Path folder;

    /** Found once: finding it reads the table of mounts, for which there may be no descriptor when it is asked. */
    private final FileStore store;

    FileStorage(Path folder) throws IOException {
        this.folder = folder;
        OwnerOnly.folder(folder);
        this.store = Files.getFileStore(folder);
    }

    /** The number that the database knows this folder by; made where the folder has none. */
    long node(LongSupplier make) throws IOException {
        Path file = folder.resolve("node");
        if (Files.exists(file)) {
            String text = Files.readString(file).strip();
            if (!text.matches("[0-9]{1,18}")) {
                throw new JournalDamaged(file.toAbsolutePath() + ": \"" + text + "\" (expected: the number that the"
                        + " table journals has for this folder). Put the file back.");
            }
            OwnerOnly.close(file);
            return Long.parseLong(text);
        }
        long made = make.getAsLong();
        OwnerOnly.write(file, made + "\n");
        return made;
    }

    @Override
    public List<Name> list() throws IOException {
        List<Name> names = new ArrayList<>();
        try (Stream<Path> files = Files.list(folder)) {
            for (Path each : (Iterable<Path>) files::iterator) {
                Matcher name = NAME.matcher(each.getFileName().toString());
                if (name.matches()) {
                    names.add(new Name(Integer.parseInt(name.group(1)), Long.parseLong(name.group(2))));
                }
            }
        }
        return names;
    }

    private Path file(Name name) {
        return folder.resolve("%d-%012d.journal".formatted(name.journal(), name.number()));
    }

    @Override
    public Segment create(Name name, int bytes) throws IOException {
        Path file = file(name);
        try {
            try (FileChannel channel =
                    FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
                OwnerOnly.close(file);
                // Zeros are written, not left out: a full disk must be found now, not in the middle of a settle.
                ByteBuffer zeros = ByteBuffer.allocateDirect(CHUNK);
                for (int left = bytes; left > 0; left -= zeros.limit()) {
                    zeros.clear().limit(Math.min(CHUNK, left));
                    while (zeros.hasRemaining()) {
                        channel.write(zeros);
                    }
                }
            }
            Segment made = open(name);
            made.bytes().load();
            made.begin();
            return made;
        } catch (IOException e) {
            Files.deleteIfExists(file);
            throw e;
        }
    }

    @Override
    public Segment open(Name name) throws IOException {
        Path file = file(name);
        Arena arena = Arena.ofShared();
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            return new Mapped(name, file, arena, channel.map(FileChannel.MapMode.READ_WRITE, 0, channel.size(), arena));
        } catch (IOException e) {
            arena.close();
            throw e;
        }
    }

    @Override
    public void delete(Name name) throws IOException {
        Files.deleteIfExists(file(name));
    }

    @Override
    public long free() throws IOException {
        return store.getUsableSpace();
    }

    private static final class Mapped extends Segment {
        private final Path file;
        private final Arena arena;

        Mapped(Name name, Path file, Arena arena, MemorySegment bytes) {
            super(name, bytes);
            this.file = file;
            this.arena = arena;
        }

        @Override
        String place() {
            return file.toAbsolutePath().toString();
        }

        @Override
        void force() {
            bytes().force();
        }

        @Override
        public void close() {
            arena.close();
        }
    }
}
