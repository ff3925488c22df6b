package dev.lockkeeper.house;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.routing.Abilities;
import dev.lockkeeper.routing.Anchor;
import dev.lockkeeper.routing.Choose;
import dev.lockkeeper.routing.Condition;
import dev.lockkeeper.routing.ModelSettings.CaseSettings;
import dev.lockkeeper.routing.ModelSettings.RankedTarget;
import dev.lockkeeper.routing.ModelSettings.TargetSettings;
import dev.lockkeeper.routing.Property;
import dev.lockkeeper.routing.Skill;
import dev.lockkeeper.routing.Term;
import dev.lockkeeper.testing.Gateway;
import dev.lockkeeper.testing.ScriptedUpstream;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A call that nobody serves is refused before anybody is asked, and says why. */
class NotServedTest {
    private ScriptedUpstream upstream;
    private Gateway gateway;

    @BeforeEach
    void start() throws Exception {
        upstream = ScriptedUpstream.answering((_, conversation) -> conversation.json(200, "{}"));
        gateway = Gateway.plan()
                .provider("p", upstream.port())
                .cases(
                        "auto",
                        of(
                                "tools",
                                new Abilities(0, 0, Set.of(), Set.of(Skill.TOOLS), Set.of(), Set.of()),
                                new Term.Said(Property.TOOLS, Set.of("true"), false)),
                        of("hard", Abilities.UNSAID, new Term.Said(Property.COMPLEXITY, Set.of("critical"), false)))
                .start();
    }

    @AfterEach
    void close() {
        gateway.close();
        upstream.close();
    }

    private static CaseSettings of(String name, Abilities abilities, Term when) {
        RankedTarget target = new RankedTarget(new TargetSettings("p", "m"), 1, abilities);
        return new CaseSettings(
                name,
                new Condition(List.of(when)),
                null,
                List.of(List.of(target)),
                Choose.WEIGHT,
                Anchor.PROMPT_CACHE_KEY);
    }

    private HttpResponse<String> ask(String more) {
        return gateway.send(gateway.request("/v1/chat/completions")
                .setHeader("content-type", "application/json")
                .POST(BodyPublishers.ofString(
                        "{\"model\":\"auto\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]" + more + "}")));
    }

    @Test
    void theCallIsAtFaultWhereNoTargetCanDoWhatItAsksFor() {
        HttpResponse<String> answer =
                ask(",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{}}}]");

        assertThat(answer.statusCode()).isEqualTo(400);
        assertThat(answer.body())
                .contains("call_not_served", "serves such a call: p/m: it doesn't take tools that the call has.");
    }

    @Test
    void theCallIsAtFaultWhereNoCaseHolds() {
        HttpResponse<String> answer = ask("");

        assertThat(answer.statusCode()).isEqualTo(400);
        assertThat(answer.body()).contains("call_not_served", "none of its cases is for such a call");
    }
}
