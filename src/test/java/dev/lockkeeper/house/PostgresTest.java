package dev.lockkeeper.house;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.lockkeeper.access.Presented;
import dev.lockkeeper.db.DatabaseSettings.Postgres;
import dev.lockkeeper.testing.Cable;
import dev.lockkeeper.testing.Gateway;
import dev.lockkeeper.testing.Stores;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The whole gateway on PostgreSQL: the same answers, and the same memory after a restart. */
class PostgresTest {
    private static final String HELLO = "\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]}";

    @TempDir
    Path temp;

    @Test
    void callsObjectsAndKeysWorkAndAreRememberedAcrossARestart() {
        String key;
        String response;
        try (Gateway gateway =
                Gateway.plan().data(temp).store(Stores.POSTGRESQL).start()) {
            key = gateway.key();
            assertThat(gateway.post("/v1/chat/completions", "{\"model\":\"gpt-5.5\"," + HELLO)
                            .statusCode())
                    .isEqualTo(200);
            assertThat(gateway.post("/v1/chat/completions", "{\"model\":\"gpt-5.5\",\"stream\":true," + HELLO)
                            .body())
                    .contains("data: [DONE]");
            String made = gateway.post("/v1/responses", "{\"model\":\"gpt-5.5\",\"input\":\"Hello\"}")
                    .body();
            response = made.replaceAll("(?s).*?\"id\": ?\"(resp_[^\"]+)\".*", "$1");
            assertThat(gateway.get("/v1/responses/" + response).statusCode()).isEqualTo(200);
            assertThat(gateway.admin("/readyz").statusCode()).isEqualTo(200);
            assertThat(gateway.send(HttpRequest.newBuilder(
                                            java.net.URI.create(gateway.url("/v1/responses/" + response)))
                                    .header("authorization", "Bearer " + gateway.key("another project")))
                            .statusCode())
                    .isEqualTo(404);
        }
        try (Gateway again = Gateway.plan().data(temp).store(Stores.POSTGRESQL).start()) {
            assertThat(again.house().firstKey()).as("there are keys already").isNull();
            assertThat(again.house().keys().find(key, "127.0.0.1")).isInstanceOf(Presented.Known.class);
        }
    }

    @Test
    void callsGoOnWhileTheServerIsAwayAndReadinessTellsIt() throws Exception {
        Postgres direct = (Postgres) Stores.POSTGRESQL.settings(temp);
        try (Cable cable = new Cable(direct.servers().getFirst().port())) {
            cable.mend();
            Postgres through = cable.to(direct);
            try (Gateway gateway = Gateway.plan().data(temp).store(through).start()) {
                assertThat(chat(gateway)).isEqualTo(200);
                cable.cut();
                HttpResponse<String> away = gateway.admin("/readyz");
                assertThat(away.statusCode()).isEqualTo(503);
                assertThat(away.body()).contains("127.0.0.1:" + cable.port(), "does not answer");
                assertThat(chat(gateway)).isEqualTo(200);

                cable.mend();
                await().atMost(Duration.ofSeconds(30))
                        .until(() -> gateway.admin("/readyz").statusCode() == 200);
                assertThat(chat(gateway)).isEqualTo(200);
            }
        }
    }

    private static int chat(Gateway gateway) {
        return gateway.post("/v1/chat/completions", "{\"model\":\"gpt-5.5\"," + HELLO)
                .statusCode();
    }
}
