package dev.lockkeeper.relay;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.units.Bytes;
import java.io.ByteArrayOutputStream;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

class RecordingTest {
    private static final int BLOCK = Recording.BLOCK;

    private static Bytes bytes(Random random, int length) {
        byte[] array = new byte[length + 10];
        random.nextBytes(array);
        return new Bytes(array, 5, length);
    }

    /** What is read, by readers at their own pace, is what was written; what is forgotten gives its room back. */
    @Property(tries = 200)
    void readersHearWhatWasWritten(@ForAll long seed) {
        Random random = new Random(seed);
        InFlight inFlight = new InFlight(random.nextBoolean() ? Long.MAX_VALUE : 3L * BLOCK, 1);
        Recording recording = new Recording(inFlight);
        ByteArrayOutputStream model = new ByteArrayOutputStream();
        long[] positions = new long[3];
        for (int step = 0; step < 60; step++) {
            Bytes piece = bytes(random, random.nextInt(BLOCK * 2));
            if (recording.append(piece, random.nextInt(4) == 0)) {
                model.writeBytes(piece.toArray());
            }
            assertThat(recording.length()).isEqualTo(model.size());
            int reader = random.nextInt(positions.length);
            Bytes read = recording.read(positions[reader], recording.length());
            assertThat(read.toArray())
                    .isEqualTo(java.util.Arrays.copyOfRange(
                            model.toByteArray(), (int) positions[reader], (int) positions[reader] + read.length()));
            assertThat(read.length() > 0 || positions[reader] == recording.length())
                    .isTrue();
            positions[reader] += read.length();
            if (random.nextInt(3) == 0) {
                recording.forget(java.util.Arrays.stream(positions).min().orElseThrow());
            }
            assertThat(inFlight.bytes()).isBetween(0L, recording.held() + 2L * BLOCK);
        }
        recording.close();
        recording.close();
        assertThat(inFlight.bytes()).isZero();
    }

    @Test
    void allOfItIsOneRun() {
        Recording recording = new Recording(new InFlight(Long.MAX_VALUE, 1));
        Bytes first = bytes(new Random(1), BLOCK - 1);
        Bytes second = bytes(new Random(2), BLOCK + 2);
        assertThat(recording.append(first, false) && recording.append(second, false))
                .isTrue();
        assertThat(recording.all().slice(0, first.length())).isEqualTo(first);
        assertThat(recording.all().slice(first.length(), (int) recording.length()))
                .isEqualTo(second);
    }
}
