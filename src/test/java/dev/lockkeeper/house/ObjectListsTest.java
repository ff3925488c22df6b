package dev.lockkeeper.house;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.house.Tenant.Answer;
import dev.lockkeeper.routing.ModelSettings.Profile;
import dev.lockkeeper.testing.Gateway;
import dev.lockkeeper.testing.ScriptedUpstream;
import dev.lockkeeper.testing.SimulatedProvider;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** Lists of a project's own objects, out of accounts that hold everybody's. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ObjectListsTest {
    private final SimulatedProvider one = SimulatedProvider.seeded(1);
    private final SimulatedProvider two = SimulatedProvider.seeded(2);
    private final Gateway gateway = Gateway.plan()
            .provider("one", one.port())
            .provider("two", two.port())
            .model("gpt-4o", Profile.AUTO, "one/gpt-4o")
            .model("ours", Profile.AUTO, "one/gpt-4o-mini")
            .start();
    private int projects;

    @AfterAll
    void close() {
        gateway.close();
        one.close();
        two.close();
    }

    private Tenant tenant() {
        return new Tenant(gateway, gateway.key("project " + projects++));
    }

    /** All ids of a list, page by page, as the SDKs go on: after the last one, while there is more. */
    private static List<String> all(Tenant who, String path, int limit) {
        List<String> all = new ArrayList<>();
        String after = "";
        for (int pages = 0; pages < 100; pages++) {
            Answer page = who.get(path + (path.contains("?") ? "&" : "?") + "limit=" + limit + after);
            List<String> ids = page.ids();
            all.addAll(ids);
            if (!ids.isEmpty()) {
                assertThat(page.text("/first_id")).isEqualTo(ids.getFirst());
                assertThat(page.text("/last_id")).isEqualTo(ids.getLast());
            }
            if (!page.json().path("has_more").asBoolean()) {
                return all;
            }
            assertThat(ids).as("a page that is followed by more is full").hasSize(limit);
            after = "&after=" + ids.getLast();
        }
        throw new AssertionError("pages without end: " + all);
    }

    @Test
    void pagesGoOnToTheEndThroughManyStrangersObjects() {
        Tenant own = tenant();
        Tenant stranger = tenant();
        List<String> made = new ArrayList<>();
        for (int i = 0; i < 13; i++) {
            made.add(own.vectorStore());
            for (int other = 0; other < 9; other++) {
                stranger.vectorStore();
            }
        }
        assertThat(all(own, "/vector_stores?order=asc", 3)).isEqualTo(made);
        assertThat(all(own, "/vector_stores", 4)).isEqualTo(made.reversed());
        assertThat(all(own, "/vector_stores", 13)).isEqualTo(made.reversed());
        assertThat(own.get("/vector_stores").ids()).isEqualTo(made.reversed());
        assertThat(all(stranger, "/vector_stores", 50)).hasSize(13 * 9).doesNotContainAnyElementsOf(made);
    }

    @Test
    void anEmptyListIsAList() {
        JsonNode empty = tenant().get("/files").good().json();
        assertThat(empty.path("object").asString()).isEqualTo("list");
        assertThat(empty.path("data").isEmpty()).isTrue();
        assertThat(empty.path("has_more").asBoolean()).isFalse();
        assertThat(empty.path("first_id").isNull()).isTrue();
    }

    @Test
    void aCursorOfAStrangerOpensNothing() {
        Tenant own = tenant();
        own.vectorStore();
        String others = tenant().vectorStore();
        assertThat(own.get("/vector_stores?after=" + others).ids()).isEmpty();
    }

    @Test
    void pagesGoOnAfterAnObjectThatIsGone() {
        Tenant own = tenant();
        List<String> made = List.of(own.vectorStore(), own.vectorStore(), own.vectorStore());
        own.delete("/vector_stores/" + made.get(1)).good();
        assertThat(own.get("/vector_stores?after=" + made.get(1)).ids()).containsExactly(made.getFirst());
    }

    @Test
    void filesAreFilteredByPurpose() {
        Tenant own = tenant();
        String batch = own.batchInput();
        List<String> data = List.of(own.file(), own.file(), own.file());
        assertThat(own.get("/files?purpose=batch").ids()).containsExactly(batch);
        assertThat(all(own, "/files?purpose=user_data", 2)).isEqualTo(data.reversed());
        assertThat(own.get("/files?purpose=vision").ids()).isEmpty();
    }

    @Test
    void chatsAreFilteredByModelAndMetadataAndBeginWithTheOldest() {
        Tenant own = tenant();
        String plain = own.chat("'store':true").good().id();
        String named = own.chat("'store':true,'model':'ours','metadata':{'team':'a b','n':'1'}")
                .good()
                .id();
        assertThat(own.get("/chat/completions").ids()).containsExactly(plain, named);
        assertThat(own.get("/chat/completions?order=desc").ids()).containsExactly(named, plain);
        assertThat(own.get("/chat/completions?metadata%5Bteam%5D=a%20b").ids()).containsExactly(named);
        assertThat(own.get("/chat/completions?metadata[n]=1&metadata[team]=a+b").ids())
                .containsExactly(named);
        assertThat(own.get("/chat/completions?metadata[team]=b").ids()).isEmpty();
        assertThat(own.get("/chat/completions?model=ours").ids())
                .as("as this gateway calls it")
                .containsExactly(named);
        String upstream = own.get("/chat/completions/" + named).good().text("/model");
        assertThat(own.get("/chat/completions?model=" + upstream).ids())
                .as("as the provider calls it")
                .containsExactly(named);
    }

    @ParameterizedTest
    @ValueSource(strings = {"limit=0", "limit=x", "order=up", "colour=red", "metadata[a]=b"})
    void aQueryThatIsNotUnderstoodIsRefused(String query) {
        Answer answer = tenant().get("/files?" + query);
        assertThat(answer.status()).isEqualTo(400);
        assertThat(answer.text("/error/param")).isEqualTo(query.substring(0, query.indexOf('=')));
    }

    @Test
    void aListSpansProvidersOrIsOfTheOneThatIsNamed() {
        Tenant own = tenant();
        String first = own.at("one").file();
        String second = own.at("two").file();
        String third = own.at("one").file();
        assertThat(all(own, "/files", 1)).containsExactly(third, second, first);
        assertThat(own.at("two").get("/files").ids()).containsExactly(second);
        assertThat(all(own.at("one"), "/files", 1)).containsExactly(third, first);
    }

    @Test
    void whatIsGoneAtTheProviderVanishes() {
        SimulatedProvider before = SimulatedProvider.seeded(7);
        SimulatedProvider after = SimulatedProvider.seeded(8);
        java.nio.file.Path folder = folder();
        Gateway.Plan plan = Gateway.plan().data(folder).provider("p", before.port());
        String key;
        try (before;
                Gateway first = plan.model("gpt-4o", Profile.AUTO, "p/gpt-4o").start()) {
            key = first.key();
            new Tenant(first, key).vectorStore();
        }
        try (after;
                Gateway second = Gateway.plan()
                        .data(folder)
                        .provider("p", after.port())
                        .model("gpt-4o", Profile.AUTO, "p/gpt-4o")
                        .start()) {
            Tenant own = new Tenant(second, key);
            String there = own.vectorStore();
            assertThat(all(own, "/vector_stores", 1)).containsExactly(there);
            assertThat(own.get("/vector_stores?order=asc").ids()).containsExactly(there);
        }
    }

    static java.nio.file.Path folder() {
        try {
            return java.nio.file.Files.createTempDirectory("lockkeeper-test");
        } catch (java.io.IOException failed) {
            throw new java.io.UncheckedIOException(failed);
        }
    }

    @Test
    void aProviderThatIsDownIsSaidSo() {
        SimulatedProvider mortal = SimulatedProvider.seeded(9);
        try (Gateway here = Gateway.plan()
                .provider("mortal", mortal.port())
                .model("gpt-4o", Profile.AUTO, "mortal/gpt-4o")
                .start()) {
            Tenant own = new Tenant(here, here.key());
            own.file();
            mortal.close();
            Answer list = own.get("/files");
            assertThat(list.status()).as(list.body()).isEqualTo(502);
            assertThat(list.text("/error/code")).isEqualTo("upstream_unreachable");
            assertThat(list.text("/error/message")).contains("'mortal'");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"500 {\"error\":{\"message\":\"oh\"}}", "200 <html>", "200 []", "401 {}", "200 cut"})
    void aProviderThatAnswersNonsenseIsSaidSo(String said) {
        try (ScriptedUpstream upstream = ScriptedUpstream.answering((request, conversation) -> {
                    if (request.line().startsWith("POST")) {
                        conversation.json(200, "{\"id\":\"vs_1\",\"object\":\"vector_store\"}");
                    } else if (said.endsWith("cut")) {
                        conversation.send("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"id\":");
                        conversation.close();
                    } else {
                        conversation.json(Integer.parseInt(said.substring(0, 3)), said.substring(4));
                    }
                });
                Gateway here = Gateway.before(upstream)) {
            Tenant own = new Tenant(here, here.key());
            own.vectorStore();
            Answer list = own.get("/vector_stores");
            assertThat(list.status()).as(list.body()).isEqualTo(502);
            assertThat(list.text("/error/type")).isEqualTo("upstream_error");
            assertThat(list.text("/error/message").toLowerCase(Locale.ROOT)).contains("'upstream'");
        }
    }

    @Test
    void aFilterThatPassesTooFewSaysWhereToGoOn() {
        AtomicInteger made = new AtomicInteger();
        try (ScriptedUpstream upstream = ScriptedUpstream.answering((request, conversation) -> {
                    String id = request.line().startsWith("POST")
                            ? "chatcmpl-" + made.incrementAndGet()
                            : request.line().split("[ /]")[5];
                    String metadata = id.equals("chatcmpl-2001") ? "{\"a\":\"b\"}" : "{}";
                    conversation.json(
                            200,
                            "{\"id\":\"" + id + "\",\"object\":\"chat.completion\",\"choices\":[],\"metadata\":"
                                    + metadata + "}");
                });
                Gateway here = Gateway.before(upstream)) {
            Tenant own = new Tenant(here, here.key());
            for (int i = 0; i < 2001; i++) {
                own.chat("'store':true").good();
            }
            Answer answer = own.get("/chat/completions?metadata[a]=b");
            assertThat(answer.status()).as(answer.body()).isEqualTo(400);
            assertThat(answer.text("/error/param")).isEqualTo("metadata[a]");
            assertThat(answer.text("/error/message")).contains("'chatcmpl-2000'");
            assertThat(own.get("/chat/completions?metadata[a]=b&after=chatcmpl-2000")
                            .ids())
                    .containsExactly("chatcmpl-2001");
        }
    }
}
