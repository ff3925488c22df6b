package dev.lockkeeper.settings;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.routing.Condition;
import dev.lockkeeper.routing.Traits;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What can be wrong with targets, cases and policies of models. */
class ModelMistakesTest {
    private static final String PROVIDERS =
            "providers: {p: {base-url: https://a.example.com/v1, auth: none, region: us, timeouts: {total: 60s}}}\n";

    @TempDir
    Path folder;

    private List<String> mistakes(String models) {
        return Config.in(folder).file(PROVIDERS + models).mistakes();
    }

    /** A line of {@code models}; what is expected stands behind the place and {@code models.}. */
    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            m: {targets: [[p/a, q/b]]} | 3:23: m.targets[0][1]: q/b (expected: a provider that is written, and a model of it: p)
            m: [[{target: p/a, weight: 0}, {target: p/b, weight: 0}]] | 3:7: m.targets[0]: every weight of this rank is 0; give one of them more
            m: [p, []] | 3:10: m.targets[1]: a rank without a target; write one, or remove it
            m: [[p/a, p/a]] | 3:13: m.targets[0][1]: p/a (expected: each target once; the second is never reached)
            m: [{target: p/a, weight: -1}] | 3:29: m.targets[0].weight: -1 (expected: a whole number, 0 to 1000000)
            m: [{target: p/a, wieght: 1}] | 3:21: m.targets[0].wieght: unknown key; did you mean weight?
            m: [{target: }] | 3:15: m.targets[0].target: nothing (expected: provider/model)
            m: [{target: p/a, efforts: [heigh]}] | 3:31: m.targets[0].efforts[0]: heigh (expected: none, minimal, low, medium, high, xhigh or max); did you mean high?
            m: {targets: [p], choose: fastest} | 3:29: m.choose: fastest (expected: weight, latency, busy, price or sticky)
            m: {targets: [p], choose: price, sticky: key} | 3:44: m.sticky: key (expected: choose: sticky beside it; nothing else looks at it)
            m: {targets: [p], retry: {attempts: 11}} | 3:39: m.retry.attempts: 11 (expected: a whole number, 1 to 10)
            m: {targets: [p], retry: {first-wait: 2m}} | 3:41: m.retry.first-wait: 2m (expected: at most retry.longest-wait, which is 30s)
            m: {targets: [p], first-token: 2m} | 3:34: m.first-token: 2m (expected: at most providers.p.timeouts.total, which is 60s)
            m: {targets: [p], first-token: 20s, deadline: 10s} | 3:34: m.first-token: 20s (expected: at most deadline, which is 10s)
            m: {targets: [p], hedge: {share: 5%}} | 3:21: m.hedge: not whole; write share and cost, such as {share: 5%, cost: $1/day}
            m: {targets: [p], hedge: {share: 5, cost: $1}} | 3:36: m.hedge.share: 5 (expected: a percentage, 0% to 100%, such as 5% or 0.5%); did you mean 5%?; 3:45: m.hedge.cost: $1 (expected: dollars a day, such as $1/day or $0.50/day); did you mean $1/day?
            m: {targets: [p], first-token: off, hedge: {share: 5%, cost: $1/day}} | 3:39: m.hedge: hedging begins at the first-token limit, which is off; write one
            m: {targets: [p], broken-stream: resume} | 3:36: m.broken-stream: resume (expected: rescue or end); did you mean rescue?
            m: {targets: [p], buffer: all} | 3:29: m.buffer: all (expected: none or until-complete)
            m: {targets: [p], fallback: [n]} | 3:32: m.fallback[0]: n (expected: a model that is written here)
            m: {targets: [p], fallback: [m]} | 3:32: m.fallback[0]: m (expected: a model that does not fall back on this one: m -> m)
            m: {targets: [p], cases: [{targets: [p]}]} | 3:7: m.targets: cases stand here; write these targets as the last of them: - targets: […]
            m: {cases: {targets: [p]}} | 3:14: m.cases: a mapping (expected: a list of mappings)
            m: {cases: [{name: a}]} | 3:15: m.cases[0].targets: missing; write who serves it: targets: [p/m]
            m: {cases: [{name: "a b", targets: [p]}]} | 3:22: m.cases[0].name: a b (expected: a name of letters, digits, dots, hyphens and underscores, at most 63)
            m: {cases: [{by: key, targets: [p]}]} | 3:20: m.cases[0].by: key (expected: share beside it, such as share: 5%)
            m: {cases: [{share: 101%, targets: [p]}]} | 3:23: m.cases[0].share: 101% (expected: a percentage, 0% to 100%, such as 5% or 0.5%)
            m: {cases: [{name: a, share: 5%, targets: [p]}, {name: a, targets: [p]}]} | 3:58: m.cases[1].name: a (expected: a name that no other case of the model has)
            m: {cases: [{when: {tool: true}, targets: [p]}]} | 3:23: m.cases[0].when.tool: unknown key; did you mean tools?
            m: {cases: [{when: {tools: maybe}, targets: [p]}]} | 3:30: m.cases[0].when.tools: maybe (expected: true or false)
            m: {cases: [{when: {complexity: [hard]}, targets: [p]}]} | 3:36: m.cases[0].when.complexity[0]: hard (expected: unknown, routine, standard, complex or critical)
            m: {cases: [{when: {complexity: []}, targets: [p]}]} | 3:35: m.cases[0].when.complexity: an empty list holds for nothing; leave the key out, or write a value
            m: {cases: [{when: {input-tokens: 9..8}, targets: [p]}]} | 3:37: m.cases[0].when.input-tokens: 9..8 (expected: a range of tokens with both ends included, such as 8000..100000, 100000.. or ..8000)
            m: {cases: [{when: {input-tokens: ">= 100"}, targets: [p]}]} | 3:37: m.cases[0].when.input-tokens: >= 100 (expected: a range of tokens with both ends included, such as 8000..100000, 100000.. or ..8000); did you mean 100..?
            m: {cases: [{when: {hours: 8-8}, targets: [p]}]} | 3:30: m.cases[0].when.hours: 8-8 (expected: hours, with days before and a zone behind them if wanted, such as 8-18, mon-fri 8-18 or mon-fri 22-6 Europe/Berlin)
            m: {cases: [{when: {hours: 8-18 Europe/Berlni}, targets: [p]}]} | 3:30: m.cases[0].when.hours: 8-18 Europe/Berlni (expected: hours, with days before and a zone behind them if wanted, such as 8-18, mon-fri 8-18 or mon-fri 22-6 Europe/Berlin)
            m: {cases: [{when: {hours: [8-9, 8-9 Asia/Tokyo]}, targets: [p]}]} | 3:36: m.cases[0].when.hours[1]: 8-9 Asia/Tokyo (expected: the zone of the hours before it, Z)
            m: {cases: [{when: {region: eu}, targets: [p]}]} | 3:16: m.cases[0].when.region: eu (expected: a region that a target of this case serves: us)
            m: {cases: [{when: {effort: high, not: {effort: [high, low]}}, targets: [p]}]} | 3:16: m.cases[0].when: no call can ever be all of this: effort: high; not effort: high, low
            m: {cases: [{when: {not: {key-kind: [live, test]}}, targets: [p]}]} | 3:16: m.cases[0].when: no call can ever be all of this: not key-kind: live, test
            m: {cases: [{targets: [p]}, {name: b, share: 5%, targets: [p/b]}]} | 3:31: m.cases[1]: this case is never reached: the case before it takes every call that it is for
            m: {cases: [{when: {tools: true}, targets: [p]}, {when: {tools: true, stream: true}, targets: [p/b]}, {targets: [p/c]}]} | 3:53: m.cases[1].when: this case is never reached: the case before it takes every call that it is for
            m: {cases: [{when: {tools: true}, targets: [p]}, {when: {tools: false}, targets: [p/b]}, {targets: [p/c]}]} | 3:92: m.cases[2]: this case is never reached: those before it take every call that it is for
            """)
    void aMistakeSaysWhereItStandsAndWhatIsExpected(String line, String texts) {
        assertThat(mistakes("models:\n  " + line + "\n"))
                .containsExactly(Arrays.stream(texts.split("; (?=3:)"))
                        .map(each -> "lockkeeper.yaml:" + each.replaceFirst(": m\\.", ": models.m."))
                        .toArray(String[]::new));
    }

    @Test
    void aWayThatLeadsBackIsTold() {
        assertThat(mistakes("""
                models:
                  a: {targets: [p], fallback: [b]}
                  b: {targets: [p], fallback: [c]}
                  c: {targets: [p], fallback: [a, d]}
                  d: p
                """))
                .containsExactly(
                        "lockkeeper.yaml:3:32: models.a.fallback[0]: b (expected: a model that does not fall back on this one:"
                                + " a -> b -> c -> a)",
                        "lockkeeper.yaml:4:32: models.b.fallback[0]: c (expected: a model that does not fall back on this one:"
                                + " b -> c -> a -> b)",
                        "lockkeeper.yaml:5:32: models.c.fallback[0]: a (expected: a model that does not fall back on this one:"
                                + " c -> a -> b -> c)");
    }

    @Test
    void aShareDoesNotTakeWhatFollows() {
        assertThat(Config.in(folder)
                        .file(PROVIDERS + """
                        models:
                          m:
                            cases:
                              - {name: all, share: 100%, targets: [p]}
                              - {name: rest, targets: [p/x]}
                        """)
                        .settings()
                        .models()
                        .getFirst()
                        .cases())
                .hasSize(2);
    }

    /** What is written, a moment at which it holds, and one at which it does not. */
    @ParameterizedTest(name = "{0}")
    @CsvSource(textBlock = """
            8-18, 2026-11-22T08:00:00Z, 2026-11-22T18:00:00Z
            22-6, 2026-11-22T05:59:00Z, 2026-11-22T06:00:00Z
            mon-fri 8-18 Europe/Berlin, 2026-11-23T07:00:00Z, 2026-11-22T09:00:00Z
            fri 22-6, 2026-11-28T05:00:00Z, 2026-11-27T05:00:00Z
            sat-sun 0-24, 2026-11-22T23:59:00Z, 2026-11-23T00:00:00Z
            sun-mon 0-24, 2026-11-23T12:00:00Z, 2026-11-21T12:00:00Z
            sun 22-2, 2026-11-23T01:00:00Z, 2026-11-22T01:00:00Z
            """)
    void hoursGoByTheDayOnWhichTheyBegin(String hours, Instant in, Instant out) {
        Condition condition = Config.in(folder)
                .file(PROVIDERS + "models:\n  m: {cases: [{when: {hours: '" + hours + "'}, targets: [p]}]}\n")
                .settings()
                .models()
                .getFirst()
                .cases()
                .getFirst()
                .when();

        assertThat(condition.terms().getFirst().holds(Traits.NONE, in.toEpochMilli()))
                .isTrue();
        assertThat(condition.terms().getFirst().holds(Traits.NONE, out.toEpochMilli()))
                .isFalse();
    }

    @Test
    void allMistakesAreToldAtOnce() {
        assertThat(mistakes("""
                models:
                  m:
                    cases:
                      - {when: {tools: 1}, share: 5, targets: [q]}
                    retry: {attempts: 0}
                    deadline: 5
                """)).hasSize(5);
    }
}
