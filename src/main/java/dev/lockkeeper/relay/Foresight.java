package dev.lockkeeper.relay;

import dev.lockkeeper.access.Caller;
import dev.lockkeeper.dialect.openai.Endpoint;
import dev.lockkeeper.dialect.openai.Endpoints;
import dev.lockkeeper.dialect.openai.Malformed;
import dev.lockkeeper.dialect.openai.RequestScan;
import dev.lockkeeper.http.Headers;
import dev.lockkeeper.limits.TokenEstimate;
import dev.lockkeeper.routing.Explanation;
import dev.lockkeeper.routing.Model;
import dev.lockkeeper.routing.Models;
import dev.lockkeeper.routing.Router;
import dev.lockkeeper.routing.Traits;
import dev.lockkeeper.units.Bytes;
import java.time.Clock;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Tells where a call would go, and why, without making it: read and chosen for as a call is. Any thread. */
public final class Foresight {
    private final Supplier<Models> models;
    private final Router router;
    private final TokenEstimate estimates;
    private final Clock clock;

    /**
     * @param models those that are in effect
     * @param router the one that calls go by
     * @param estimates how many tokens a prompt has
     */
    public Foresight(Supplier<Models> models, Router router, TokenEstimate estimates, Clock clock) {
        this.models = models;
        this.router = router;
        this.estimates = estimates;
        this.clock = clock;
    }

    /**
     * A call that might be made.
     *
     * @param model whom it would ask for; null: as its body says
     * @param path such as {@code /v1/chat/completions}
     * @param body as it would be sent
     * @param labels header fields by name, in small letters
     * @param caller who would make it
     * @param endUser the person behind it, as the books know them; empty: as its body says
     * @param inputTokens of its prompt; negative: as they are reckoned
     * @param pinned the provider where the objects live that it names; empty: any
     */
    public record Imagined(
            @Nullable String model,
            String path,
            Bytes body,
            Map<String, String> labels,
            Caller caller,
            String endUser,
            long inputTokens,
            String pinned) {
        public Imagined {
            labels = Map.copyOf(labels);
        }
    }

    /**
     * What would become of it.
     *
     * @param model whom it asks for
     * @param call what is chosen by
     * @param why where it would go
     */
    public record Seen(String model, Traits call, Explanation why) {}

    /** Looks. @throws IllegalArgumentException when there is no such call; the message may be shown */
    public Seen look(Imagined imagined) {
        if (!(Endpoints.match("POST", imagined.path()) instanceof Endpoints.Match.Found(Endpoint endpoint, var _))) {
            throw new IllegalArgumentException("endpoint: '" + imagined.path() + "' takes no call");
        }
        RequestScan asked;
        try {
            asked = RequestScan.of(imagined.body(), endpoint);
        } catch (Malformed wrong) {
            throw new IllegalArgumentException("call: " + wrong.message(), wrong);
        }
        String name = imagined.model() != null ? imagined.model() : asked.model();
        if (name == null) {
            throw new IllegalArgumentException("model: missing; the call names none either");
        }
        Model model = models.get().find(name);
        if (model == null || !imagined.caller().mayUse(name)) {
            throw new IllegalArgumentException(
                    "model: there is no '" + name + "' that this key may ask for; 'GET /v1/models' lists them");
        }
        Headers headers = Headers.empty();
        imagined.labels().forEach(headers::set);
        Labels labels = switch (Labels.of(asked, headers)) {
            case Labels said -> said;
            case Labels.Wrong(Refusal.BadBody why) -> throw new IllegalArgumentException(why.message());
        };
        long tokens = imagined.inputTokens() >= 0 ? imagined.inputTokens() : reckoned(model, asked);
        String endUser = imagined.endUser().isEmpty() ? asked.endUser() : imagined.endUser();
        Traits call = labels.traits(asked, imagined.caller(), endUser, tokens, imagined.pinned());
        return new Seen(name, call, router.explain(model, call, clock.millis()));
    }

    private long reckoned(Model model, RequestScan asked) {
        String first = model.targets().getFirst().model();
        return estimates
                        .input(first, asked.textBytes(), asked.messages(), asked.media())
                        .likely()
                + asked.tokenIds();
    }
}
