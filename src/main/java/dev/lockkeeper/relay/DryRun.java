package dev.lockkeeper.relay;

import dev.lockkeeper.http.Headers;
import dev.lockkeeper.ledger.Ask;
import dev.lockkeeper.ledger.Balance;
import dev.lockkeeper.units.Bytes;
import dev.lockkeeper.units.Money;
import java.io.ByteArrayOutputStream;
import java.util.List;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.json.JsonFactory;

/** The answer to a call that asks what it would cost, and is not made. */
final class DryRun {
    /** The field by which a client asks. */
    private static final String FIELD = "x-lockkeeper-dry-run";

    private static final JsonFactory JSON = JsonFactory.builder().build();

    private DryRun() {}

    /**
     * Whether a client only wants to know what its call would cost. Only {@code false} says no: who sends {@code 1} or
     * {@code yes} wants no bill either.
     */
    static boolean asked(Headers headers) {
        String asked = headers.get(FIELD);
        return asked != null && !asked.strip().equalsIgnoreCase("false");
    }

    /**
     * Writes it.
     *
     * @param touched the budgets that would pay, as they stand now
     */
    static Bytes answer(Ask ask, Quote quote, List<Balance> touched) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (JsonGenerator json = JSON.createGenerator(ObjectWriteContext.empty(), out)) {
            json.writeStartObject();
            json.writeStringProperty("object", "lockkeeper.dry_run");
            json.writeStringProperty("model", ask.model());
            json.writeStringProperty("provider", ask.provider());
            json.writeStringProperty("upstream_model", ask.upstreamModel());
            json.writeNumberProperty("input_tokens", quote.input());
            json.writeNumberProperty("max_output_tokens", quote.output());
            json.writeStringProperty("likely_cost", new Money(quote.likely()).toString());
            json.writeStringProperty("worst_cost", new Money(quote.worst()).toString());
            json.writeBooleanProperty("would_run", touched.stream().allMatch(each -> pays(each, quote)));
            json.writeArrayPropertyStart("budgets");
            for (Balance each : touched) {
                json.writeStartObject();
                json.writeStringProperty("id", each.budget().id());
                json.writeStringProperty("scope", each.budget().scope().toString());
                json.writeStringProperty("period", each.budget().period().unit().text());
                json.writeBooleanProperty("hard", each.budget().terms().hard());
                json.writeStringProperty("granted", new Money(each.grantedNanos()).toString());
                json.writeStringProperty("spent", new Money(each.spentNanos()).toString());
                json.writeStringProperty("held", new Money(each.heldNanos()).toString());
                if (each.elsewhereNanos() > 0) {
                    json.writeStringProperty("elsewhere", new Money(each.elsewhereNanos()).toString());
                }
                json.writeStringProperty("free", new Money(each.freeNanos()).toString());
                json.writeEndObject();
            }
            json.writeEndArray();
            json.writeEndObject();
        }
        return Bytes.of(out.toByteArray());
    }

    private static boolean pays(Balance balance, Quote quote) {
        return !balance.budget().terms().hard() || balance.freeNanos() >= quote.least();
    }
}
