package dev.lockkeeper.dialect.openai;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.units.Bytes;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class BatchLineTest {
    private static BatchLine read(String line) throws Malformed {
        return BatchLine.of(Bytes.of(line.getBytes(StandardCharsets.UTF_8)));
    }

    @Test
    void aLinesRequestIsReadAsItsEndpointReadsIt() throws Malformed {
        BatchLine line =
                read("{\"url\":\"/v1/responses\",\"body\":{\"model\":\"m\",\"max_output_tokens\":7,\"max_tokens\":9,"
                        + "\"input\":\"hi\"}}");
        assertThat(line.model()).isEqualTo("m");
        assertThat(line.endpoint()).isNotNull().extracting(Endpoint::kind).isEqualTo(Endpoint.Kind.RESPONSES);
        assertThat(line.request())
                .isNotNull()
                .extracting(RequestScan::outputLimit)
                .isEqualTo(7L);
    }

    @Test
    void whatALineAsksForIsNotKnownWhereItDoesNotSayItOnce() throws Malformed {
        assertThat(read("{\"body\":{\"model\":\"m\"}}").endpoint()).isNull();
        assertThat(read("{\"url\":1,\"body\":{\"model\":\"m\"}}").endpoint()).isNull();
        assertThat(read("{\"url\":\"/v1/videos\",\"body\":{\"model\":\"m\"}}").endpoint())
                .isNull();
        assertThat(read("{\"url\":\"/v1/responses\",\"url\":\"/v1/chat/completions\",\"body\":{\"model\":\"m\"}}")
                        .endpoint())
                .isNull();
        BatchLine wrong = read("{\"url\":\"/v1/chat/completions\",\"body\":{\"model\":\"m\",\"max_tokens\":\"many\"}}");
        assertThat(wrong.request()).isNull();
        assertThat(wrong.model()).isEqualTo("m");
    }
}
