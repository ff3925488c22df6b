package dev.lockkeeper.relay;

import dev.lockkeeper.dialect.openai.Endpoint;
import dev.lockkeeper.dialect.openai.Made;
import dev.lockkeeper.dialect.openai.ObjectKind;
import dev.lockkeeper.dialect.openai.Reference;
import dev.lockkeeper.objects.ObjectRegistry.Owned;
import dev.lockkeeper.relay.Call.Learnt;
import dev.lockkeeper.upstream.Provider;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * Whose objects one call names, and whose the ones are that it makes. A provider's account is shared by all projects; what
 * keeps them apart is this.
 */
final class Ownership {
    /** How long it may take to learn whose an object is. */
    private static final long LOOKUP_SECONDS = 10;

    private final Call call;
    private @Nullable String provider;
    private @Nullable Owned lastOwned;
    private @Nullable String registered;

    Ownership(Call call) {
        this.call = call;
    }

    /** The provider where the named objects live; null when none is named. */
    @Nullable String provider() {
        return provider;
    }

    /**
     * Goes on with {@code then} when every named object is this project's and all live at one provider, where a call of this
     * project may send what it sends; refuses else.
     */
    void check(List<String> pathIds, List<Reference> references, Runnable then) {
        if (pathIds.isEmpty() && references.isEmpty()) {
            reside(then);
            return;
        }
        List<Reference> named = new ArrayList<>();
        for (int i = 0; i < pathIds.size(); i++) {
            if (call.endpoint.names().get(i).owned()) {
                named.add(
                        new Reference("", pathIds.get(i), call.endpoint.names().get(i)));
            }
        }
        named.addAll(references);
        next(named, 0, () -> reside(then));
    }

    /**
     * Sees that a call which no model places keeps to its project's regions; where it may go anywhere else, it goes to the first
     * provider there. What only names objects that are at a provider already sends nothing: they can be read back and deleted
     * also after their project was bound.
     */
    private void reside(Runnable then) {
        Set<String> regions = call.caller.regions();
        if (regions.isEmpty() || !call.modelName().isEmpty() || call.endpoint.body() == Endpoint.Body.NONE) {
            then.run();
            return;
        }
        String named = provider != null ? provider : call.exchange.headers().get("x-lockkeeper-provider");
        if (named == null) {
            List<Provider> there = call.rules.providers().values().stream()
                    .filter(each -> isIn(each, regions))
                    .toList();
            if (there.isEmpty()) {
                call.refuse(new Refusal.Elsewhere("", regions));
                return;
            }
            provider = there.stream()
                    .filter(each -> call.caller.mayReach(each.name(), each.isSimulator()))
                    .findFirst()
                    .orElse(there.getFirst())
                    .name();
        } else {
            Provider there = call.rules.providers().get(named);
            if (there != null && !isIn(there, regions)) {
                call.refuse(new Refusal.Elsewhere(named, regions));
                return;
            }
        }
        then.run();
    }

    private static boolean isIn(Provider provider, Set<String> regions) {
        return provider.settings().regions().stream().anyMatch(regions::contains);
    }

    /** A loop where the registry answers at once: a request may name objects by the thousand. */
    private void next(List<Reference> named, int from, Runnable then) {
        for (int i = from; i < named.size(); i++) {
            Reference reference = named.get(i);
            CompletableFuture<@Nullable Owned> finding = find(reference);
            if (!finding.isDone()) {
                int here = i;
                CompletionStage<@Nullable Owned> found = finding.orTimeout(LOOKUP_SECONDS, TimeUnit.SECONDS);
                found.whenComplete((owned, failure) -> call.onLoop(() -> {
                    if (!call.over() && agrees(reference, owned, failure)) {
                        next(named, here + 1, then);
                    }
                }));
                return;
            }
            boolean failed = finding.isCompletedExceptionally();
            if (!agrees(reference, failed ? null : finding.join(), failed ? finding.exceptionNow() : null)) {
                return;
            }
        }
        then.run();
    }

    private CompletableFuture<@Nullable Owned> find(Reference reference) {
        String preferred = provider != null ? provider : call.exchange.headers().get("x-lockkeeper-provider");
        return call.relay
                .objects()
                .find(reference.id(), reference.kind().name(), call.caller.projectId(), preferred)
                .toCompletableFuture();
    }

    /** Whether an object may be named beside those before it; refuses the call where not. */
    private boolean agrees(Reference reference, @Nullable Owned owned, @Nullable Throwable failure) {
        String param = reference.param().isEmpty() ? null : reference.param();
        if (failure != null) {
            call.refuse(unknown(failure));
        } else if (owned == null) {
            call.refuse(new Refusal.UnknownObject(reference.id(), param));
        } else if (provider != null && !provider.equals(owned.provider())) {
            call.refuse(new Refusal.Scattered(
                    "The objects this call names live at different providers ('" + provider + "' and '"
                            + owned.provider() + "'); one call goes to one provider.",
                    param));
        } else {
            provider = owned.provider();
            if (param == null) {
                lastOwned = owned;
            }
            return true;
        }
        return false;
    }

    /** What is said where it can't be told whose an object is: too much waits, or the database can't be read. */
    static Refusal unknown(Throwable failure) {
        Throwable cause = failure;
        while ((cause instanceof CompletionException || cause instanceof ExecutionException)
                && cause.getCause() != null) {
            cause = cause.getCause();
        }
        return cause instanceof RejectedExecutionException || cause instanceof TimeoutException
                ? new Refusal.Busy(Overload.DATABASE, "looking up whose objects these are")
                : new Refusal.NoStorage("It could not be looked up whose objects these are");
    }

    /** Registers what the answer made, as soon as its id is known. */
    void made(@Nullable String id) {
        if (id != null && registered == null && makes()) {
            registered = id;
            register(id, kind());
        }
    }

    /** The attempt that made something has failed: the next one makes its own. */
    void forget() {
        registered = null;
    }

    /**
     * What must be on disk before the client learns that its answer is whole. Objects that are made by the thousand per
     * second (responses, completions) are seen by the registry at once and written behind; for the others the client waits.
     */
    CompletionStage<?> settle(Learnt learnt) {
        List<CompletionStage<?>> waits = new ArrayList<>();
        String id = learnt.objectId();
        if (makes() && id != null && registered == null) {
            registered = id;
            CompletionStage<?> written = register(id, kind());
            if (kind() != ObjectKind.RESPONSE && kind() != ObjectKind.CHAT_COMPLETION) {
                waits.add(written);
            }
        }
        waits.addAll(alsoMade(learnt));
        Owned deleted = lastOwned;
        if (call.endpoint.deletes() && deleted != null && deletesOwned() && !learnt.failed()) {
            waits.add(call.relay.objects().gone(deleted.id(), deleted.kind(), deleted.project(), deleted.provider()));
        }
        return switch (waits.size()) {
            case 0 -> CompletableFuture.completedFuture(null);
            case 1 -> waits.getFirst();
            default ->
                CompletableFuture.allOf(
                        waits.stream().map(CompletionStage::toCompletableFuture).toArray(CompletableFuture[]::new));
        };
    }

    /**
     * Registers what came to be besides the answer's own object, also of an answer that broke off: the client has seen it.
     *
     * @return what is to be waited for
     */
    List<CompletionStage<?>> alsoMade(Learnt learnt) {
        List<CompletionStage<?>> waits = new ArrayList<>();
        for (Made also : learnt.alsoMade()) {
            switch (also.kind()) {
                case OUTPUT_ITEM -> {
                    // Of a response that is not stored, only items that can't be read without their provider.
                    if (call.stores() || !holdsItself(also.id())) {
                        register(also.id(), also.kind());
                    }
                }
                case AUDIO -> register(also.id(), also.kind());
                case FILE,
                        UPLOAD,
                        BATCH,
                        RESPONSE,
                        CHAT_COMPLETION,
                        CONVERSATION,
                        VECTOR_STORE,
                        CONTAINER,
                        UPLOAD_PART,
                        VECTOR_STORE_FILE_BATCH -> waits.add(register(also.id(), also.kind()));
                case VECTOR_STORE_FILE, ITEM, MODEL -> {}
            }
        }
        return waits;
    }

    /** Whether an item is a message or a call of the caller's own tool: its text is all of it. */
    private static boolean holdsItself(String item) {
        return item.startsWith("msg_") || item.startsWith("fc_") || item.startsWith("ctc_");
    }

    private boolean makes() {
        return call.endpoint.makes() != null && call.endpoint.makes().owned() && call.stores();
    }

    private ObjectKind kind() {
        ObjectKind kind = call.endpoint.makes();
        if (kind == null) {
            throw new IllegalStateException(call.endpoint.path() + " makes nothing");
        }
        return kind;
    }

    /** Whether what a DELETE removes is an owned object itself, not a thing inside one. */
    private boolean deletesOwned() {
        return call.endpoint.names().getLast().owned();
    }

    private CompletionStage<?> register(String id, ObjectKind kind) {
        return call.relay
                .objects()
                .made(new Owned(
                        id,
                        kind.name(),
                        call.caller.projectId(),
                        call.serving.provider(),
                        call.modelName().isEmpty() ? null : call.modelName(),
                        call.relay.clock().millis()));
    }
}
