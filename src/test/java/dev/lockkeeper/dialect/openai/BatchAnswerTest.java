package dev.lockkeeper.dialect.openai;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.units.Bytes;
import dev.lockkeeper.units.Usage;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class BatchAnswerTest {
    private static @Nullable BatchAnswer read(String path, String line) {
        return BatchAnswer.of(Bytes.of(line.getBytes(StandardCharsets.UTF_8)), Endpoints.of("POST", path));
    }

    @Test
    void aLinesUsageIsReadFromItsAnswer() {
        Usage usage =
                new Usage.Builder().freshInput(6).cachedInput(4).textOutput(20).build();
        assertThat(read("/v1/chat/completions", """
                        {"id":"batch_req_1","custom_id":"a","response":{"status_code":200,"request_id":"r","body":{"id":"x",
                         "model":"gpt-4o-2024-08-06","choices":[{"index":0,"message":{"content":"{\\"usage\\":1}"}}],
                         "usage":{"prompt_tokens":10,"completion_tokens":20,"prompt_tokens_details":{"cached_tokens":4}}}},
                         "error":null}"""))
                .isEqualTo(new BatchAnswer("batch_req_1", 200, "gpt-4o-2024-08-06", usage));
        assertThat(read("/v1/responses", """
                        {"custom_id":"b","response":{"body":{"usage":{"input_tokens":1,"output_tokens":2}},"status_code":200}}""")).isEqualTo(new BatchAnswer("b", 200, null, Usage.of(1, 2)));
    }

    @Test
    void aLineWithoutAnAnswerTellsNothing() {
        assertThat(read("/v1/chat/completions", """
                        {"custom_id":"c","response":null,"error":{"code":"batch_expired","usage":{"prompt_tokens":1}}}""")).isEqualTo(new BatchAnswer("c", 0, null, null));
        assertThat(read("/v1/chat/completions", "[1]")).isNull();
        assertThat(read("/v1/chat/completions", "{\"id\":\"d\",\"response\":{\"body\""))
                .isNull();
    }
}
