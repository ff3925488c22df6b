package dev.lockkeeper.ledger;

import dev.lockkeeper.units.HostedCalls;
import dev.lockkeeper.units.Usage;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.BufferOverflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * One record of a journal, as bytes and back. In a segment it stands at an offset that is a multiple of 8: commit word (4
 * bytes, stored last), checksum (4), then what the checksum covers: type (4), length of the payload (4), sequence (8),
 * payload. Little-endian. One thread.
 */
final class JournalRecord {
    /** A record's bytes at most, padding included. */
    static final int MOST = 4_096;

    /** Bytes of the largest record that ends a hold, padding included. */
    static final int END = 512;

    static final int COMMITTED = 0x4c4b_2121;

    /** Commit word and checksum. */
    static final int FRONT = 8;

    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final int COVERED = 16;
    private static final int TEXT_OF_BILL = 64;

    /** What records are about. Numbers are never used for anything else. */
    enum Type {
        HOLD(1),
        GROW(2),
        SETTLE(3),
        RELEASE(4);

        final int number;

        Type(int number) {
            this.number = number;
        }

        static @Nullable Type of(int number) {
            for (Type each : values()) {
                if (each.number == number) {
                    return each;
                }
            }
            return null;
        }
    }

    private final byte[] array = new byte[MOST];
    private final ByteBuffer buffer = ByteBuffer.wrap(array).order(ByteOrder.LITTLE_ENDIAN);
    private final CRC32C crc = new CRC32C();

    // What was read last.
    private Type type = Type.HOLD;
    private int size;

    Type type() {
        return type;
    }

    /** Bytes in the segment, padding included. */
    int size() {
        return size;
    }

    /** Writes a hold; false when its names are too long for a record. */
    boolean hold(Hold hold) {
        begin(Type.HOLD);
        Ask ask = hold.ask;
        Payer payer = ask.payer();
        try {
            buffer.putLong(hold.atMillis).putLong(hold.grantedNanos).putInt(ask.attempt());
            text(ask.callId());
            text(payer.organization());
            text(payer.project());
            text(payer.key());
            text(payer.endUser());
            text(payer.tag());
            text(ask.provider());
            text(ask.model());
            text(ask.upstreamModel());
            return buffer.position() <= MOST - FRONT - 8;
        } catch (BufferOverflowException e) {
            return false;
        }
    }

    void grow(long position, long grantedNanos) {
        begin(Type.GROW);
        buffer.putLong(position).putLong(grantedNanos);
    }

    /**
     * Writes what a hold waits for from now on. It is a growth by nothing, with more behind it: programs that know of no
     * such thing read it as that, and book the hold as they book any that was left.
     */
    void await(long position, long grantedNanos, Awaited what) {
        grow(position, grantedNanos);
        buffer.put((byte) what.kind().number)
                .putLong(what.input())
                .putLong(what.output())
                .putLong(what.untilMillis());
        text(what.id());
        told(what.endpoint());
        told(what.tier());
    }

    void release(long position) {
        begin(Type.RELEASE);
        buffer.putLong(position);
    }

    void settle(long position, Bill bill, long overrunNanos) {
        begin(Type.SETTLE);
        buffer.putLong(position)
                .putLong(bill.costNanos())
                .putLong(overrunNanos)
                .putLong(bill.startedMillis())
                .putLong(bill.durationMillis())
                .putInt(bill.status())
                .put((byte) ((bill.estimated() ? 1 : 0) | (bill.usage().estimated() ? 2 : 0)));
        told(bill.endpoint());
        told(bill.outcome());
        usage(bill.usage());
    }

    private void usage(Usage usage) {
        HostedCalls hosted = usage.hosted();
        buffer.putLong(usage.freshInput())
                .putLong(usage.cachedInput())
                .putLong(usage.cachedAudioInput())
                .putLong(usage.cachedImageInput())
                .putLong(usage.writtenInput())
                .putLong(usage.writtenLongInput())
                .putLong(usage.audioInput())
                .putLong(usage.imageInput())
                .putLong(usage.textOutput())
                .putLong(usage.reasoningOutput())
                .putLong(usage.audioOutput())
                .putLong(usage.imageOutput())
                .putLong(usage.acceptedOutput())
                .putLong(usage.rejectedOutput())
                .putLong(usage.audioMillis())
                .putLong(usage.images());
        buffer.putInt((int) hosted.webSearches())
                .putInt((int) hosted.fileSearches())
                .putInt((int) hosted.containers())
                .putInt((int) hosted.images())
                .putInt((int) hosted.imageInput())
                .putInt((int) hosted.imageOutput())
                .putInt((int) hosted.others());
        told(usage.tier());
    }

    private void begin(Type next) {
        buffer.clear();
        buffer.putInt(next.number).position(COVERED);
    }

    private void text(String text) {
        int at = buffer.position();
        buffer.putShort((short) 0);
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c >= 0x80) {
                byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
                buffer.position(at + Short.BYTES).put(bytes);
                break;
            }
            buffer.put((byte) c);
        }
        buffer.putShort(at, (short) (buffer.position() - at - Short.BYTES));
    }

    /** A text that only informs: cut, and without what is not ASCII. */
    private void told(String text) {
        int length = Math.min(TEXT_OF_BILL, text.length());
        buffer.putShort((short) length);
        for (int i = 0; i < length; i++) {
            char c = text.charAt(i);
            buffer.put((byte) (c < 0x80 ? c : '?'));
        }
    }

    /** Bytes of the record that was begun, padding included. */
    int written() {
        return FRONT + (buffer.position() + 7 & ~7);
    }

    /** Stores the record that was begun; its commit word is stored last. */
    void store(Segment segment, int offset, long sequence) {
        int covered = buffer.position();
        buffer.putInt(4, covered - COVERED).putLong(8, sequence);
        crc.reset();
        crc.update(array, 0, covered);
        segment.bytes().set(INT, offset + 4L, (int) crc.getValue());
        MemorySegment.copy(array, 0, segment.bytes(), ValueLayout.JAVA_BYTE, offset + (long) FRONT, covered);
        segment.commit(offset, COMMITTED);
    }

    /** What stands at an offset of a segment. */
    enum Found {
        RECORD,
        NOTHING,
        BROKEN
    }

    /** Reads the record at an offset. */
    Found read(Segment segment, int offset, long sequence) {
        int room = segment.size() - offset;
        if (room < FRONT + COVERED || segment.commitWord(offset) == 0) {
            return Found.NOTHING;
        }
        int length = segment.bytes().get(INT, offset + FRONT + 4L);
        if (segment.commitWord(offset) != COMMITTED
                || length < 0
                || length > MOST - FRONT - COVERED
                || length > room - FRONT - COVERED) {
            return Found.BROKEN;
        }
        int covered = COVERED + length;
        MemorySegment.copy(segment.bytes(), ValueLayout.JAVA_BYTE, offset + (long) FRONT, array, 0, covered);
        crc.reset();
        crc.update(array, 0, covered);
        buffer.clear().limit(covered);
        Type read = Type.of(buffer.getInt());
        long found = buffer.getLong(8);
        if (segment.bytes().get(INT, offset + 4L) != (int) crc.getValue()
                || read == null
                || (sequence != 0 && found != sequence)) {
            return Found.BROKEN;
        }
        buffer.position(COVERED);
        type = read;
        size = FRONT + (covered + 7 & ~7);
        return Found.RECORD;
    }

    /** The sequence of what was read last. */
    long sequence() {
        return buffer.getLong(8);
    }

    /** The hold that was read last. */
    OpenHold readHold(int journal, long position) {
        long at = buffer.getLong();
        long granted = buffer.getLong();
        int attempt = buffer.getInt();
        String callId = text();
        Payer payer = new Payer(text(), text(), text(), text(), text());
        return new OpenHold(journal, position, at, callId, attempt, payer, text(), text(), text(), granted);
    }

    /** The number that stands next. */
    long next() {
        return buffer.getLong();
    }

    /** What stands behind a growth: what its hold waits for; null for nothing. */
    @Nullable Awaited readAwaited() {
        if (!buffer.hasRemaining()) {
            return null;
        }
        Awaited.Kind kind = Awaited.Kind.of(buffer.get());
        long input = buffer.getLong();
        long output = buffer.getLong();
        long until = buffer.getLong();
        return new Awaited(kind, text(), text(), text(), input, output, until);
    }

    /** The end that was read last, behind its hold's position. */
    Ended readEnd() {
        long cost = buffer.getLong();
        long overrun = buffer.getLong();
        long started = buffer.getLong();
        long duration = buffer.getLong();
        int status = buffer.getInt();
        byte flags = buffer.get();
        String endpoint = text();
        String outcome = text();
        Usage usage = new Usage.Builder()
                .freshInput(next())
                .cachedInput(next())
                .cachedAudioInput(next())
                .cachedImageInput(next())
                .writtenInput(next())
                .writtenLongInput(next())
                .audioInput(next())
                .imageInput(next())
                .textOutput(next())
                .reasoningOutput(next())
                .audioOutput(next())
                .imageOutput(next())
                .acceptedOutput(next())
                .rejectedOutput(next())
                .audioMillis(next())
                .images(next())
                .hosted(new HostedCalls(
                        buffer.getInt(),
                        buffer.getInt(),
                        buffer.getInt(),
                        buffer.getInt(),
                        buffer.getInt(),
                        buffer.getInt(),
                        buffer.getInt()))
                .tier(text())
                .estimated((flags & 2) != 0)
                .build();
        return new Ended(
                new Bill(cost, usage, (flags & 1) != 0, endpoint, status, outcome, started, duration), overrun);
    }

    private String text() {
        int length = Short.toUnsignedInt(buffer.getShort());
        String text = new String(array, buffer.position(), length, StandardCharsets.UTF_8);
        buffer.position(buffer.position() + length);
        return text;
    }

    /**
     * How a hold ended.
     *
     * @param bill what was booked
     * @param overrunNanos of its cost, what was an overrun
     */
    record Ended(Bill bill, long overrunNanos) {}
}
