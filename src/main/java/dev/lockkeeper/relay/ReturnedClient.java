package dev.lockkeeper.relay;

import dev.lockkeeper.access.Caller;
import dev.lockkeeper.dialect.openai.Endpoint;
import dev.lockkeeper.http.Exchange;
import dev.lockkeeper.http.Exchange.BodyFault;
import dev.lockkeeper.relay.CallReport.Outcome;
import dev.lockkeeper.units.Bytes;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One who comes back to a stream. Its request's body is read and not looked at: nothing is asked for by it. On its exchange's
 * loop.
 */
final class ReturnedClient implements Guard {
    private static final Logger LOG = LoggerFactory.getLogger(ReturnedClient.class);

    private final ResumableStreams owner;
    private final Relay relay;
    private final Exchange exchange;
    private final Caller caller;
    private final Endpoint endpoint;
    private @Nullable StreamClient listening;
    private String callId = "";
    private boolean placed;
    private boolean over;

    ReturnedClient(ResumableStreams owner, Relay relay, Exchange exchange, Caller caller, Endpoint endpoint) {
        this.owner = owner;
        this.relay = relay;
        this.exchange = exchange;
        this.caller = caller;
        this.endpoint = endpoint;
    }

    void begin() {
        guarded(() -> {
            if (!relay.inFlight().callBegan()) {
                refuse(new Refusal.Busy(Overload.CALLS, "calls"));
                return;
            }
            placed = true;
            exchange.onGone(() -> guarded(this::gone));
            ResumableStreams.Place place = owner.find(exchange, caller);
            if (place == null) {
                refuse(new Refusal.NoStream());
                return;
            }
            exchange.read(guarded(new Exchange.Intake() {
                @Override
                public void piece(Bytes piece) {
                    // See above.
                }

                @Override
                public void end() {
                    if (!over) {
                        join(place);
                    }
                }

                @Override
                public void failed(BodyFault why) {
                    unread(why);
                }
            }));
        });
    }

    private void unread(BodyFault why) {
        if (exchange.over()) {
            gone();
        } else {
            refuse(Refusal.unread(why, relay.rules().maxRequestBody()));
        }
    }

    private void join(ResumableStreams.Place place) {
        ResumableStream stream = place.stream();
        StreamClient next = new StreamClient(stream, exchange, this::ended);
        if (!stream.join(next, place.event())) {
            refuse(new Refusal.NoStream());
            return;
        }
        listening = next;
        callId = stream.callId();
        exchange.head(stream.status(), stream.fields());
        next.wake();
    }

    private void gone() {
        StreamClient told = listening;
        if (told != null) {
            told.gone();
        } else if (!over) {
            ended(Outcome.ABANDONED, "", 0);
        }
    }

    private void ended(Outcome outcome, String code, long bytesOut) {
        if (!over) {
            over = true;
            int status = exchange.headSent() ? 200 : CallReport.CLIENT_GONE;
            relay.watcher()
                    .ended(relay.report(exchange, caller, endpoint.path(), status, outcome, code, bytesOut, 0)
                            .resumed(0, callId));
            leavePlace();
        }
    }

    private void refuse(Refusal why) {
        if (!over) {
            over = true;
            relay.refuse(exchange, caller, endpoint.path(), why);
            leavePlace();
        }
    }

    private void leavePlace() {
        if (placed) {
            placed = false;
            relay.inFlight().callEnded();
        }
    }

    @Override
    public void crashed(Throwable bug) {
        LOG.error("Call {} could not go on with its stream", exchange.id(), bug);
        try {
            if (exchange.headSent()) {
                exchange.abort();
                ended(Outcome.FAILED, Refusal.INTERNAL, 0);
            } else {
                refuse(new Refusal.Internal());
            }
        } catch (RuntimeException | Error again) {
            LOG.error("Call {} could not be told so", exchange.id(), again);
        }
    }
}
