package dev.lockkeeper.relay;

import dev.lockkeeper.http.Exchange;
import dev.lockkeeper.http.Exchange.BodyFault;
import dev.lockkeeper.units.Bytes;
import java.util.function.Consumer;
import java.util.function.IntPredicate;

/**
 * Gathers a request's body into one array. A body that came in one piece is not copied.
 */
final class GatheredBody implements Exchange.Intake {
    private static final int FIRST_CAPACITY = 16 << 10;

    private final Exchange exchange;
    private final IntPredicate room;
    private final Runnable full;
    private final Consumer<BodyFault> failed;
    private final Consumer<Bytes> whole;
    private Bytes gathered = Bytes.EMPTY;
    private boolean ownArray;
    private boolean over;

    /**
     * @param room takes room for so many bytes before they are kept; false ends the gathering with {@code full}
     * @param failed hears why the body will not come
     * @param whole receives the body
     */
    GatheredBody(
            Exchange exchange, IntPredicate room, Runnable full, Consumer<BodyFault> failed, Consumer<Bytes> whole) {
        this.exchange = exchange;
        this.room = room;
        this.full = full;
        this.failed = failed;
        this.whole = whole;
    }

    @Override
    public void piece(Bytes piece) {
        if (over || piece.length() == 0) {
            return;
        }
        if (!room.test(piece.length())) {
            over = true;
            exchange.pause();
            full.run();
            return;
        }
        if (gathered.length() == 0) {
            gathered = piece;
            return;
        }
        int length = Math.addExact(gathered.length(), piece.length());
        byte[] array = gathered.array();
        if (!ownArray || array.length < length) {
            array = new byte[Math.max(length, Math.max(FIRST_CAPACITY, gathered.length() * 2))];
            System.arraycopy(gathered.array(), gathered.offset(), array, 0, gathered.length());
            ownArray = true;
        }
        System.arraycopy(piece.array(), piece.offset(), array, gathered.length(), piece.length());
        gathered = new Bytes(array, 0, length);
    }

    @Override
    public void end() {
        if (!over) {
            over = true;
            whole.accept(gathered);
        }
    }

    @Override
    public void failed(BodyFault why) {
        if (!over) {
            over = true;
            failed.accept(why);
        }
    }
}
