package dev.lockkeeper.dialect.openai;

import dev.lockkeeper.units.Bytes;
import java.util.ArrayList;
import java.util.List;

/** Makes a request's body ready for an upstream by splicing: what is not edited stays as the client wrote it. Any thread. */
public final class Rewrite {
    private Rewrite() {}

    /**
     * Edits a body.
     *
     * @param scan of the same body
     * @param upstreamModel what the upstream calls the model
     * @param refusals what the upstream would refuse
     * @param askUsage whether to ask for usage where a chat or a completion is streamed
     */
    public static Rewritten of(
            Bytes body,
            RequestScan scan,
            Endpoint endpoint,
            String upstreamModel,
            Refusals refusals,
            boolean askUsage) {
        List<Bytes> pieces = new ArrayList<>();
        RequestScan.Member model = scan.member(RequestScan.Name.MODEL);
        if (model == null) {
            return new Rewritten(List.of(body), body.length(), List.of());
        }
        Bytes name = Errors.text(upstreamModel);
        pieces.add(body.slice(0, model.from()));
        pieces.add(name);
        pieces.add(body.slice(model.to(), body.length()));
        return new Rewritten(pieces, body.length() + (long) name.length() - (model.to() - model.from()), List.of());
    }
}
