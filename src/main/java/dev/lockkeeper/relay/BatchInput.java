package dev.lockkeeper.relay;

import dev.lockkeeper.dialect.openai.BatchLine;
import dev.lockkeeper.dialect.openai.Malformed;
import dev.lockkeeper.dialect.openai.ObjectKind;
import dev.lockkeeper.dialect.openai.Reference;
import dev.lockkeeper.units.Bytes;
import dev.lockkeeper.upstream.Provider;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Reads a batch's input file from the provider before the batch may start. The provider runs each line as a request of
 * its own account, where all projects' objects lie and every model is at hand: so what lines name is looked at here, as it
 * is in any other body, and what they may cost is added up. A file's content can't change between this and the batch.
 */
final class BatchInput implements FileLines.Reader {
    /** Objects that all lines name together. */
    private static final int MAX_NAMED = 10_000;

    private final Call call;
    private final Provider provider;
    private final Predicate<String> mayUse;
    private final BatchMoney money;
    private final Consumer<List<Reference>> then;
    private final FileLines lines;

    // Touched by one worker at a time; the loop's queue lies between two.
    private final Map<Named, Reference> named = new HashMap<>();
    private final Set<String> models = new HashSet<>();
    private @Nullable Refusal why;

    /**
     * @param mayUse whether this key may use what the provider calls so
     * @param money is told each line
     * @param then gets what the lines name, once all are read
     */
    BatchInput(
            Call call,
            Provider provider,
            String file,
            Predicate<String> mayUse,
            BatchMoney money,
            Consumer<List<Reference>> then) {
        this.call = call;
        this.provider = provider;
        this.mayUse = mayUse;
        this.money = money;
        this.then = then;
        this.lines = new FileLines(call.relay, call.loop, provider, file, this, end -> call.guarded(() -> ended(end)));
    }

    private record Named(ObjectKind kind, String id) {}

    void begin() {
        call.idle();
        lines.begin();
    }

    private void ended(FileLines.End end) {
        switch (end) {
            case FileLines.End.Whole() -> {
                call.busy();
                then.accept(new ArrayList<>(named.values()));
            }
            case FileLines.End.Stopped() -> call.refuse(why == null ? new Refusal.Internal() : why);
            case FileLines.End.Refused(int status)
            when status == 401 || status == 403 -> call.refuse(new Refusal.BadCredentials(provider.name(), status));
            case FileLines.End.Refused(int status)
            when status >= 500 ->
                call.refuse(new Refusal.Unusable(provider.name(), status, "a file that can't be read"));
            case FileLines.End.Refused(int status) ->
                call.refuse(bad("The content of the input file can't be read at the provider (HTTP " + status
                        + "), and no batch starts without: its lines are checked first."));
            case FileLines.End.Unreached(var fault) -> call.refuse(new Refusal.Unreached(provider.name(), fault));
            case FileLines.End.Late(boolean idle, long millis) ->
                call.refuse(new Refusal.Late(provider.name(), idle ? "batch input, idle" : "batch input", millis));
            case FileLines.End.LongLine(int number) ->
                call.refuse(
                        bad("Line " + number + " of the input file is longer than " + FileLines.MAX_LINE + " bytes."));
            case FileLines.End.Full(Overload where) ->
                call.refuse(
                        new Refusal.Busy(where, where == Overload.BYTES ? "bytes of batch inputs" : "batch inputs"));
            case FileLines.End.Crashed(Throwable bug) -> call.crashed(bug);
        }
    }

    @Override
    public boolean line(Bytes text, int number) {
        why = refusal(text, number);
        return why == null;
    }

    private @Nullable Refusal refusal(Bytes text, int line) {
        BatchLine read;
        try {
            read = BatchLine.of(text);
        } catch (Malformed wrong) {
            return bad("Line " + line + " of the input file: " + wrong.message());
        }
        String model = read.model();
        if (model != null && models.add(model) && !mayUse.test(model)) {
            return bad("Line " + line + " of the input file asks for a model that this key may not use at provider '"
                    + provider.name() + "'. Lines name models as the provider calls them.");
        }
        for (Reference each : read.references()) {
            named.putIfAbsent(
                    new Named(each.kind(), each.id()),
                    new Reference("line " + line + ": body." + each.param(), each.id(), each.kind()));
        }
        if (named.size() > MAX_NAMED) {
            return bad("The lines of the input file name more than " + MAX_NAMED + " objects by their ids.");
        }
        return money.add(read, line);
    }

    static Refusal bad(String message) {
        return new Refusal.BadBody(message, "input_file_id", "invalid_value");
    }

    /** Ends the reading whatever state it is in. Idempotent. */
    void close() {
        lines.close();
    }
}
