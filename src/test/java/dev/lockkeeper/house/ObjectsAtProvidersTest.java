package dev.lockkeeper.house;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.house.Tenant.Answer;
import dev.lockkeeper.routing.ModelSettings.Profile;
import dev.lockkeeper.testing.Gateway;
import dev.lockkeeper.testing.ScriptedUpstream;
import dev.lockkeeper.testing.SimulatedProvider;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Where objects live: calls go there, across restarts, with several providers, and where ids meet. */
class ObjectsAtProvidersTest {
    private static Gateway.Plan two(SimulatedProvider x, SimulatedProvider y) {
        return Gateway.plan()
                .provider("x", x.port())
                .provider("y", y.port())
                .model("at-x", Profile.AUTO, "x/gpt-4o")
                .model("at-y", Profile.AUTO, "y/gpt-4o")
                .model("at-both", Profile.AUTO, "x/gpt-4o", "y/gpt-4o");
    }

    private static String naming(String model, String... files) {
        StringBuilder body = new StringBuilder("'model':'" + model + "','input':[{'role':'user','content':[");
        for (String each : files) {
            body.append("{'type':'input_file','file_id':'").append(each).append("'},");
        }
        return body.append("{'type':'input_text','text':'hi'}]}]").toString();
    }

    @Test
    void aCallGoesWhereItsObjectsLive() {
        try (SimulatedProvider x = SimulatedProvider.seeded(1);
                SimulatedProvider y = SimulatedProvider.seeded(2);
                Gateway gateway = two(x, y).start()) {
            Tenant a = new Tenant(gateway, gateway.key());
            Tenant b = new Tenant(gateway, gateway.key("other"));
            String atX = a.file();
            String atY = a.at("y").file();
            assertThat(a.get("/files/" + atX).good().field("x-lockkeeper-provider"))
                    .isEqualTo("x");
            assertThat(a.get("/files/" + atY).good().field("x-lockkeeper-provider"))
                    .isEqualTo("y");
            assertThat(a.at("x").get("/files/" + atY + "/content").good().field("x-lockkeeper-provider"))
                    .as("an object's place counts, not the header")
                    .isEqualTo("y");
            b.at("y").get("/files/" + atY).unknown(atY);

            assertThat(a.respond(naming("at-both", atY)).good().field("x-lockkeeper-provider"))
                    .isEqualTo("y");
            assertThat(a.respond(naming("at-both", atX)).good().field("x-lockkeeper-provider"))
                    .isEqualTo("x");
            assertThat(a.respond(naming("at-both")).good().field("x-lockkeeper-provider"))
                    .isEqualTo("x");

            Answer elsewhere = a.respond(naming("at-y", atX));
            assertThat(elsewhere.status()).isEqualTo(400);
            assertThat(elsewhere.text("/error/param")).isEqualTo("model");
            assertThat(elsewhere.text("/error/message"))
                    .contains("live at provider 'x'", "does not serve the model 'at-y'");

            Answer scattered = a.respond(naming("at-both", atX, atY));
            assertThat(scattered.status()).isEqualTo(400);
            assertThat(scattered.text("/error/param")).isEqualTo("input[0].content[1].file_id");
            assertThat(scattered.text("/error/message")).contains("'x'", "'y'");

            // The path's object lives at one, the body's at the other.
            String store = a.at("y").vectorStore();
            assertThat(a.post("/vector_stores/" + store + "/files", "{'file_id':'" + atX + "'}")
                            .status())
                    .isEqualTo(400);
            assertThat(a.post("/vector_stores/" + store + "/files", "{'file_id':'" + atY + "'}")
                            .good()
                            .field("x-lockkeeper-provider"))
                    .isEqualTo("y");

            String first = a.respond("'model':'at-y'").good().id();
            Answer chained = a.respond("'model':'at-both','previous_response_id':'" + first + "'")
                    .good();
            assertThat(chained.field("x-lockkeeper-provider")).isEqualTo("y");

            Answer nowhere = a.at("z")
                    .form("/files", new String[] {"purpose", "user_data"}, new String[] {"file", "x", "x.txt"});
            assertThat(nowhere.status()).isEqualTo(400);
            assertThat(nowhere.text("/error/message")).contains("'z'", "x-lockkeeper-provider");
        }
    }

    @Test
    void idsThatMeetAtTwoProvidersNeverCrossProjects() {
        try (SimulatedProvider x = SimulatedProvider.seeded(5);
                SimulatedProvider y = SimulatedProvider.seeded(5);
                Gateway gateway = two(x, y).start()) {
            Tenant a = new Tenant(gateway, gateway.key());
            Tenant b = new Tenant(gateway, gateway.key("other"));
            String id = a.at("x").file("user_data", "of a at x");
            assertThat(b.at("y").file("user_data", "of b at y")).isEqualTo(id);

            for (Tenant each : new Tenant[] {a, a.at("x"), a.at("y")}) {
                assertThat(each.get("/files/" + id + "/content").good().body()).isEqualTo("of a at x");
            }
            for (Tenant each : new Tenant[] {b, b.at("x"), b.at("y")}) {
                assertThat(each.get("/files/" + id + "/content").good().body()).isEqualTo("of b at y");
            }
            a.delete("/files/" + id).good();
            a.get("/files/" + id).unknown(id);
            a.at("y").get("/files/" + id).unknown(id);
            assertThat(a.get("/files").ids()).isEmpty();
            assertThat(b.get("/files").ids()).containsExactly(id);
        }
    }

    @Test
    void ofOneIdAtTwoProvidersTheLastIsMeantUnlessAProviderIsNamed() {
        try (SimulatedProvider x = SimulatedProvider.seeded(6);
                SimulatedProvider y = SimulatedProvider.seeded(6);
                Gateway gateway = two(x, y).start()) {
            Tenant a = new Tenant(gateway, gateway.key());
            String id = a.at("y").file("user_data", "at y");
            assertThat(a.at("x").file("user_data", "at x")).isEqualTo(id);

            String content = "/files/" + id + "/content";
            assertThat(a.get(content).good().body()).isEqualTo("at x");
            assertThat(a.at("x").get(content).good().body()).isEqualTo("at x");
            assertThat(a.at("y").get(content).good().body()).isEqualTo("at y");
            assertThat(a.get("/files").ids()).containsExactly(id);
            assertThat(a.at("y").get("/files").ids()).containsExactly(id);
            assertThat(a.at("y").respond(naming("at-y", id)).good().field("x-lockkeeper-provider"))
                    .isEqualTo("y");

            a.delete("/files/" + id).good();
            assertThat(a.get(content).good().body()).isEqualTo("at y");
            a.delete("/files/" + id).good();
            a.get(content).unknown(id);
        }
    }

    @Test
    void whoWasToldAnIdFirstOwnsIt() {
        AtomicInteger made = new AtomicInteger();
        try (ScriptedUpstream upstream = ScriptedUpstream.answering((request, conversation) -> {
                    if (request.line().startsWith("POST /v1/vector_stores ")) {
                        made.incrementAndGet();
                        conversation.json(200, "{\"id\":\"vs_always\",\"object\":\"vector_store\"}");
                    } else {
                        conversation.json(200, "{\"id\":\"vs_always\",\"object\":\"vector_store\",\"name\":\"of a\"}");
                    }
                });
                Gateway gateway = Gateway.before(upstream)) {
            Tenant a = new Tenant(gateway, gateway.key());
            Tenant b = new Tenant(gateway, gateway.key("other"));
            a.vectorStore();
            b.vectorStore();
            assertThat(made).hasValue(2);
            b.get("/vector_stores/vs_always").unknown("vs_always");
            b.delete("/vector_stores/vs_always").unknown("vs_always");
            assertThat(b.get("/vector_stores").ids()).isEmpty();
            a.get("/vector_stores/vs_always").good();
        }
    }

    @Test
    void ownersSurviveARestart() {
        Path folder = ObjectListsTest.folder();
        try (SimulatedProvider x = SimulatedProvider.seeded(1);
                SimulatedProvider y = SimulatedProvider.seeded(2)) {
            String ofA;
            String ofB;
            String file;
            String response;
            String item;
            try (Gateway gateway = two(x, y).data(folder).start()) {
                ofA = gateway.key();
                ofB = gateway.key("other");
                Tenant a = new Tenant(gateway, ofA);
                file = a.at("y").file();
                Answer made = a.respond("'model':'at-x','stream':true");
                response = made.events().getFirst().at("/response/id").asString();
                item = made.events().getLast().at("/response/output/0/id").asString();
            }
            try (Gateway gateway = two(x, y).data(folder).start()) {
                Tenant a = new Tenant(gateway, ofA);
                Tenant b = new Tenant(gateway, ofB);
                assertThat(a.get("/files/" + file).good().field("x-lockkeeper-provider"))
                        .isEqualTo("y");
                assertThat(a.get("/files").ids()).containsExactly(file);
                a.respond("'model':'at-both','previous_response_id':'" + response
                                + "','input':[{'role':'user','content':'hi'},{'type':'item_reference','id':'" + item
                                + "'}]")
                        .good();
                b.get("/files/" + file).unknown(file);
                b.get("/responses/" + response).unknown(response);
                assertThat(b.get("/files").ids()).isEmpty();
            }
        }
    }

    @Test
    void anObjectAtAProviderThatIsNoLongerConfiguredIsSaidSo() {
        Path folder = ObjectListsTest.folder();
        try (SimulatedProvider x = SimulatedProvider.seeded(1);
                SimulatedProvider y = SimulatedProvider.seeded(2)) {
            String key;
            String file;
            try (Gateway gateway = two(x, y).data(folder).start()) {
                key = gateway.key();
                file = new Tenant(gateway, key).at("y").file();
            }
            try (Gateway gateway = Gateway.plan()
                    .data(folder)
                    .provider("x", x.port())
                    .model("at-x", Profile.AUTO, "x/gpt-4o")
                    .start()) {
                Tenant a = new Tenant(gateway, key);
                Answer answer = a.get("/files/" + file);
                assertThat(answer.status()).isEqualTo(400);
                assertThat(answer.text("/error/message")).contains("'y'");
                assertThat(a.get("/files").ids()).isEmpty();
            }
        }
    }

    @Test
    void aResponseThatFailedIsItsProjectsToo() {
        try (ScriptedUpstream upstream = ScriptedUpstream.answering((request, conversation) -> conversation.json(
                        200, "{\"id\":\"resp_1\",\"object\":\"response\",\"status\":\"failed\",\"output\":[]}"));
                Gateway gateway = Gateway.before(upstream)) {
            Tenant a = new Tenant(gateway, gateway.key());
            Tenant b = new Tenant(gateway, gateway.key("other"));
            a.respond("").good();
            a.get("/responses/resp_1").good();
            b.get("/responses/resp_1").unknown("resp_1");
        }
    }

    @Test
    void whatAStreamHadMadeBeforeItBrokeIsItsProjects() {
        try (ScriptedUpstream upstream = ScriptedUpstream.answering((request, conversation) -> {
                    conversation.events();
                    conversation.send("""
                            event: response.created
                            data: {"type":"response.created","sequence_number":0,"response":{"id":"resp_1","object":"response","status":"in_progress","output":[]}}

                            event: response.output_item.done
                            data: {"type":"response.output_item.done","sequence_number":1,"output_index":0,"item":{"id":"rs_1","type":"reasoning","summary":[]}}

                            """);
                    conversation.close();
                });
                Gateway gateway = Gateway.before(upstream)) {
            Tenant a = new Tenant(gateway, gateway.key());
            Tenant b = new Tenant(gateway, gateway.key("other"));
            assertThat(a.respond("'stream':true")
                            .events()
                            .getLast()
                            .path("type")
                            .asString())
                    .isEqualTo("response.failed");
            String again =
                    "'stream':true,'previous_response_id':'resp_1','input':[{'type':'reasoning','id':'rs_1','summary':[]}]";
            a.respond(again).good();
            assertThat(b.respond(again).status()).isEqualTo(400);
            b.respond("'input':[{'type':'reasoning','id':'rs_1','summary':[]}]").unknown("rs_1");
        }
    }

    @ParameterizedTest
    @CsvSource({
        "400, {}, 400, invalid_value",
        "404, {}, 400, invalid_value",
        "401, {}, 502, upstream_auth_error",
        "500, {}, 502, upstream_error",
        "0, cut, 502, upstream_unreachable",
        "200, a line of 18 MiB, 400, invalid_value"
    })
    void noBatchStartsWithoutItsLines(int status, String said, int answered, String code) {
        try (ScriptedUpstream upstream = ScriptedUpstream.answering((request, conversation) -> {
                    if (request.line().startsWith("POST")) {
                        conversation.json(200, "{\"id\":\"file-1\",\"object\":\"file\"}");
                    } else if (status == 0) {
                        conversation.send("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"body\":{}}\n");
                        conversation.reset();
                    } else {
                        conversation.json(status, status == 200 ? "x".repeat(18 << 20) : said);
                    }
                });
                Gateway gateway = Gateway.before(upstream)) {
            Tenant a = new Tenant(gateway, gateway.key());
            Answer answer = a.post(
                    "/batches",
                    "{'input_file_id':'" + a.file() + "','endpoint':'/v1/responses','completion_window':'24h'}");
            assertThat(answer.status()).as(answer.body()).isEqualTo(answered);
            assertThat(answer.text("/error/code")).isEqualTo(code);
            assertThat(upstream.requests()).noneMatch(each -> each.line().startsWith("POST /v1/batches"));
            Awaitility.await()
                    .atMost(Duration.ofSeconds(5))
                    .until(() -> gateway.house().bytesInFlight() == 0);
        }
    }
}
