package dev.lockkeeper.dialect.openai;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.units.Bytes;
import java.io.ByteArrayOutputStream;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class JsonWalkTest {
    private static final JsonMapper MAPPER = JsonMapper.builder()
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
            .build();
    private static final String[] PATHS = {
        "", "a", "choices[]", "choices[].delta", "usage.a", "ä", "a.b", "a[]", "a[][]", "x y"
    };

    /** Writes down what it is told. */
    private static final class Diary implements JsonWalk.Visitor {
        final List<String> lines = new ArrayList<>();
        private final ByteArrayOutputStream string = new ByteArrayOutputStream();

        @Override
        public void open(int path, boolean isObject) {
            lines.add(path + (isObject ? "{" : "["));
        }

        @Override
        public void close(int path) {
            lines.add(path + "end");
        }

        @Override
        public void number(int path, long value) {
            lines.add(path + "#" + value);
        }

        @Override
        public void literal(int path, char letter) {
            lines.add(path + "" + letter);
        }

        @Override
        public void string(int path) {
            string.reset();
        }

        @Override
        public void piece(int path, byte[] array, int from, int to) {
            string.write(array, from, to - from);
        }

        @Override
        public void stringEnd(int path) {
            lines.add(path + "\"" + string.toString(StandardCharsets.UTF_8));
        }
    }

    /** The same diary, written from a tree. */
    private static void tell(JsonNode node, String path, List<String> lines) {
        int code = List.of(PATHS).indexOf(path);
        if (node.isContainer()) {
            if (code >= 0) {
                lines.add(code + (node.isObject() ? "{" : "["));
            }
            if (node.isObject()) {
                node.properties()
                        .forEach(each -> tell(
                                each.getValue(),
                                path.isEmpty() && !each.getKey().isEmpty() ? each.getKey() : path + "." + each.getKey(),
                                lines));
            } else {
                node.forEach(each -> tell(each, path + "[]", lines));
            }
            if (code >= 0) {
                lines.add(code + "end");
            }
        } else if (code >= 0) {
            lines.add(code
                    + switch (node.getNodeType()) {
                        case NUMBER -> "#" + whole(node);
                        case STRING -> "\"" + node.stringValue();
                        default -> node.asString("null").substring(0, 1);
                    });
        }
    }

    private static long whole(JsonNode number) {
        String text = number.decimalValue().toString();
        if (text.contains("E") || number.isFloatingPointNumber()) {
            // The walk leaves exponents out; numbers of tokens have none.
            BigDecimal plain = number.decimalValue();
            return plain.unscaledValue().signum() == 0 ? 0 : EXPONENT;
        }
        BigInteger value = number.decimalValue().setScale(0, RoundingMode.DOWN).toBigInteger();
        return value.bitLength() < 64 ? value.longValue() : value.signum() * Long.MAX_VALUE;
    }

    private static final long EXPONENT = 424_242;

    @Property(tries = 2000)
    void tellsWhatATreeTellsHoweverTheBytesAreCut(@ForAll long seed) {
        Chance chance = new Chance(seed);
        String json = chance.space() + (chance.maybe() ? chance.object(4) : chance.value(4)) + chance.space();
        Diary diary = new Diary();
        JsonWalk walk = new JsonWalk(JsonWalk.Paths.of(PATHS), diary);
        for (Bytes piece : chance.cut(json)) {
            assertThat(walk.feed(piece)).as(json).isTrue();
        }
        assertThat(walk.end()).as(json).isTrue();

        List<String> expected = new ArrayList<>();
        tell(MAPPER.readTree(json), "", expected);
        assertThat(diary.lines).as(json).hasSameSizeAs(expected);
        for (int i = 0; i < expected.size(); i++) {
            if (!expected.get(i).endsWith("#" + EXPONENT)) {
                assertThat(diary.lines.get(i)).as(json).isEqualTo(expected.get(i));
            }
        }
    }

    @Property(tries = 3000)
    void refusesWhatJacksonRefuses(@ForAll long seed) {
        Chance chance = new Chance(seed);
        byte[] json = chance.value(3).getBytes(StandardCharsets.UTF_8);
        byte[] marks = "{}[]\",:\\/0-1eE.tfnu \n\u0001a".getBytes(StandardCharsets.UTF_8);
        for (int i = chance.below(3); i >= 0 && json.length > 0; i--) {
            json[chance.below(json.length)] = marks[chance.below(marks.length)];
        }
        String text = new String(json, StandardCharsets.UTF_8);
        JsonWalk walk = new JsonWalk(JsonWalk.Paths.of(PATHS), new Diary());
        boolean good = true;
        for (Bytes piece : chance.cut(text)) {
            good = walk.feed(piece) && good;
        }
        good = walk.end() && good;
        assertThat(good).as(text).isEqualTo(isJson(text));
    }

    private static boolean isJson(String text) {
        try (JsonParser parser = MAPPER.createParser(text)) {
            int values = 0;
            for (JsonToken token = parser.nextToken(); token != null; token = parser.nextToken()) {
                parser.skipChildren();
                values++;
            }
            return values == 1;
        } catch (JacksonException e) {
            return false;
        }
    }

    @Test
    void aMembersNameMayBeEscaped() {
        Diary diary = new Diary();
        JsonWalk walk = new JsonWalk(JsonWalk.Paths.of("usage.a"), diary);
        assertThat(walk.all(Bytes.utf8("{\"\\u0075sage\":{\"\\u0061\":7}}"))).isTrue();
        assertThat(diary.lines).containsExactly("0#7");
    }

    @Test
    void depthHasABound() {
        JsonWalk walk = new JsonWalk(JsonWalk.Paths.of("a"), new Diary());
        assertThat(walk.all(Bytes.utf8("[".repeat(512) + "]".repeat(512)))).isTrue();
        assertThat(walk.all(Bytes.utf8("[".repeat(513) + "]".repeat(513)))).isFalse();
    }

    @Test
    void aHugeNumberIsTheLargestThereIs() {
        Diary diary = new Diary();
        JsonWalk walk = new JsonWalk(JsonWalk.Paths.of("a"), diary);
        assertThat(walk.all(Bytes.utf8("{\"a\":99999999999999999999999}"))).isTrue();
        assertThat(diary.lines).containsExactly("0#" + Long.MAX_VALUE);
    }
}
