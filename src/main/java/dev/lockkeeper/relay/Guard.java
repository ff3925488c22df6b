package dev.lockkeeper.relay;

import dev.lockkeeper.http.Client;
import dev.lockkeeper.http.Exchange;
import dev.lockkeeper.http.Fault;
import dev.lockkeeper.http.Headers;
import dev.lockkeeper.units.Bytes;

/** Does the steps of a call, so that no mistake of this code leaves a client without an end. */
interface Guard {
    /** Does a step; one that fails ends what it is a step of. */
    default void guarded(Runnable step) {
        try {
            step.run();
        } catch (RuntimeException | Error bug) {
            crashed(bug);
        }
    }

    /** Ends it because of a mistake of the gateway's own. Never throws. */
    void crashed(Throwable bug);

    /** The same for what comes of a request's body. */
    default Exchange.Intake guarded(Exchange.Intake intake) {
        return new Exchange.Intake() {
            @Override
            public void piece(Bytes piece) {
                try { // without an object for each of a body's pieces
                    intake.piece(piece);
                } catch (RuntimeException | Error bug) {
                    crashed(bug);
                }
            }

            @Override
            public void end() {
                guarded(intake::end);
            }

            @Override
            public void failed(Exchange.BodyFault why) {
                guarded(() -> intake.failed(why));
            }
        };
    }

    /** The same for what an upstream says. */
    default Client.Listener guarded(Client.Listener listener) {
        return new Client.Listener() {
            @Override
            public void ready() {
                guarded(listener::ready);
            }

            @Override
            public void head(int status, Headers headers) {
                guarded(() -> listener.head(status, headers));
            }

            @Override
            public void piece(Bytes piece) {
                try { // without an object for each of an answer's pieces
                    listener.piece(piece);
                } catch (RuntimeException | Error bug) {
                    crashed(bug);
                }
            }

            @Override
            public void end() {
                guarded(listener::end);
            }

            @Override
            public void fault(Fault fault) {
                guarded(() -> listener.fault(fault));
            }

            @Override
            public void drained() {
                guarded(listener::drained);
            }
        };
    }
}
