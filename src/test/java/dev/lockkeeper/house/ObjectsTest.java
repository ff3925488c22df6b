package dev.lockkeeper.house;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.dialect.openai.Endpoint;
import dev.lockkeeper.dialect.openai.Endpoints;
import dev.lockkeeper.dialect.openai.ObjectKind;
import dev.lockkeeper.house.Tenant.Answer;
import dev.lockkeeper.routing.ModelSettings.Profile;
import dev.lockkeeper.testing.Gateway;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** Objects belong to the project that made them, though all projects share one account at the provider. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ObjectsTest {
    /** What a POST on a path says; those without a body have an empty one. */
    private static final Map<String, String> BODIES = Map.ofEntries(
            Map.entry("/v1/chat/completions/{completion_id}", "{'metadata':{'c':'d'}}"),
            Map.entry("/v1/responses/{response_id}/cancel", ""),
            Map.entry("/v1/uploads/{upload_id}/complete", "{'part_ids':['PART']}"),
            Map.entry("/v1/uploads/{upload_id}/cancel", ""),
            Map.entry("/v1/batches/{batch_id}/cancel", ""),
            Map.entry("/v1/vector_stores/{vector_store_id}", "{'name':'another'}"),
            Map.entry("/v1/vector_stores/{vector_store_id}/search", "{'query':'text'}"),
            Map.entry("/v1/vector_stores/{vector_store_id}/files", "{'file_id':'FILE'}"),
            Map.entry("/v1/vector_stores/{vector_store_id}/files/{file_id}", "{'attributes':{'a':'b'}}"),
            Map.entry("/v1/vector_stores/{vector_store_id}/file_batches", "{'file_ids':['FILE']}"),
            Map.entry("/v1/vector_stores/{vector_store_id}/file_batches/{batch_id}/cancel", ""),
            Map.entry("/v1/conversations/{conversation_id}", "{'metadata':{'c':'d'}}"),
            Map.entry("/v1/conversations/{conversation_id}/items", "{'items':[{'role':'user','content':'hi'}]}"));

    /** What the provider itself refuses here, with a reason. */
    private static final Set<String> REFUSED = Set.of("POST /v1/batches/{batch_id}/cancel"); // it may be done already

    private final Gateway gateway = gateway();
    private final Tenant a = new Tenant(gateway, gateway.key());
    private final Tenant b = new Tenant(gateway, gateway.key("other"));

    private static Gateway gateway() {
        Gateway.Plan plan = Gateway.plan();
        for (String each : List.of("gpt-5.5", "gpt-4o", "gpt-audio", "gpt-image-1")) {
            plan.model(each, Profile.AUTO, "simulator/" + each);
        }
        return plan.start();
    }

    @AfterAll
    void close() {
        gateway.close();
    }

    // ---- paths ----

    @TestFactory
    List<DynamicTest> whoMadeAnObjectMayUseItAndNobodyElse() {
        List<DynamicTest> tests = new ArrayList<>();
        for (Endpoint each : Endpoints.all()) {
            if (each.names().stream().anyMatch(ObjectKind::owned)) {
                tests.add(DynamicTest.dynamicTest(each.method() + " " + each.path(), () -> use(each)));
            }
        }
        assertThat(tests).hasSizeGreaterThan(30);
        return tests;
    }

    private void use(Endpoint endpoint) {
        String path = endpoint.path().substring("/v1".length());
        String body = BODIES.getOrDefault(endpoint.path(), "");
        List<String> made = new ArrayList<>();
        for (ObjectKind kind : endpoint.names()) {
            String id = make(a, kind, made, endpoint);
            made.add(id);
            path = path.replaceFirst("\\{[a-z_]+}", id);
        }
        if (body.contains("FILE")) {
            body = body.replace("FILE", a.file());
        } else if (body.contains("PART")) {
            body = body.replace("PART", a.part(made.getFirst()));
        }
        String told = endpoint.method() + " " + path;
        call(b, endpoint, path, body).unknown(told);
        if (made.size() > 1) {
            String own = make(b, endpoint.names().getFirst(), List.of(), endpoint);
            Answer mixed = call(b, endpoint, path.replace(made.getFirst(), own), body);
            assertThat(mixed.status())
                    .as("inside an object of its own " + mixed.body())
                    .isEqualTo(404);
        }
        Answer answer = call(a, endpoint, path, body);
        if (REFUSED.contains(endpoint.method() + " " + endpoint.path())) {
            assertThat(answer.status()).as(told + " -> " + answer.body()).isIn(200, 409);
        } else {
            assertThat(answer.status()).as(told + " -> " + answer.body()).isEqualTo(200);
        }
        if (endpoint.deletes()) {
            Answer after = a.get(path);
            assertThat(after.status()).as(after.body()).isEqualTo(404);
            if (endpoint.names().getLast().owned()) {
                after.unknown(told);
            }
        }
        call(b, endpoint, path, body).unknown(told);
    }

    private static Answer call(Tenant who, Endpoint endpoint, String path, String body) {
        return switch (endpoint.method()) {
            case "GET" -> who.get(path);
            case "DELETE" -> who.delete(path);
            case "POST" ->
                endpoint.body() == Endpoint.Body.MULTIPART
                        ? who.form(path, new String[] {"data", "a text", "a.txt"})
                        : body.isEmpty() ? who.post(path) : who.post(path, body);
            default -> throw new AssertionError(endpoint.method());
        };
    }

    private static String make(Tenant who, ObjectKind kind, List<String> before, Endpoint endpoint) {
        return switch (kind) {
            case FILE -> who.file();
            case UPLOAD -> who.upload();
            case UPLOAD_PART -> who.part(before.getFirst());
            case BATCH -> who.batch();
            case RESPONSE ->
                endpoint.path().endsWith("/cancel")
                        ? who.respond("'background':true").good().id()
                        : who.response();
            case CHAT_COMPLETION -> who.chatCompletion();
            case CONVERSATION -> who.conversation();
            case VECTOR_STORE -> who.vectorStore();
            case VECTOR_STORE_FILE -> who.storeFile(before.getFirst());
            case VECTOR_STORE_FILE_BATCH -> who.storeBatch(before.getFirst());
            case CONTAINER -> who.container();
            case OUTPUT_ITEM -> who.outputItem();
            case AUDIO -> who.audio();
            case ITEM -> who.item(before.getFirst());
            case MODEL -> "gpt-4o";
        };
    }

    @TestFactory
    List<DynamicTest> aListHoldsItsOwnProjectsObjectsOnly() {
        List<DynamicTest> tests = new ArrayList<>();
        for (Endpoint each : Endpoints.all()) {
            ObjectKind kind = each.lists();
            if (kind != null) {
                tests.add(DynamicTest.dynamicTest(each.path(), () -> {
                    String path = each.path().substring("/v1".length());
                    Tenant c = new Tenant(gateway, gateway.key("lists " + path));
                    String own = make(a, kind, List.of(), each);
                    assertThat(c.get(path).ids()).isEmpty();
                    String others = make(c, kind, List.of(), each);
                    assertThat(c.get(path).ids()).contains(others).doesNotContain(own);
                    assertThat(a.get(path + "?limit=100&order=desc").ids())
                            .contains(own)
                            .doesNotContain(others);
                }));
            }
        }
        assertThat(tests).hasSize(4);
        return tests;
    }

    @Test
    void everyKindThatIsOwnedIsMadeBySomeAnswer() {
        // What no endpoint makes comes to be by other answers: those are tried below, each by its own test.
        assertThat(Endpoints.all().stream().map(Endpoint::makes))
                .contains(
                        ObjectKind.FILE,
                        ObjectKind.UPLOAD,
                        ObjectKind.UPLOAD_PART,
                        ObjectKind.BATCH,
                        ObjectKind.RESPONSE,
                        ObjectKind.CHAT_COMPLETION,
                        ObjectKind.CONVERSATION,
                        ObjectKind.VECTOR_STORE,
                        ObjectKind.VECTOR_STORE_FILE_BATCH);
    }

    // ---- references in bodies ----

    /** A body that names an object: at which path, and how. */
    private record Naming(String name, Function<Tenant, String> make, Use use) {
        interface Use {
            Answer by(Tenant who, String id);
        }
    }

    private static Naming naming(String name, Function<Tenant, String> make, Naming.Use use) {
        return new Naming(name, make, use);
    }

    private static Naming inResponse(String name, Function<Tenant, String> make, String members) {
        return naming(name, make, (who, id) -> who.respond(members.replace("ID", id)));
    }

    private static final String ITEM = "'input':[{'role':'user','content':'hi'},";

    private static List<Naming> namings() {
        return List.of(
                inResponse("conversation", Tenant::conversation, "'conversation':'ID'"),
                inResponse("conversation.id", Tenant::conversation, "'conversation':{'id':'ID'}"),
                inResponse(
                        "input_file",
                        Tenant::file,
                        "'input':[{'role':'user','content':[{'type':'input_file','file_id':'ID'}]}]"),
                inResponse(
                        "input_image",
                        Tenant::file,
                        "'input':[{'role':'user','content':[{'type':'input_image','file_id':'ID','detail':'low'}]}]"),
                inResponse(
                        "a file in a tool's output",
                        Tenant::file,
                        "'input':[{'role':'user','content':'hi'},"
                                + "{'type':'function_call','call_id':'c','name':'f','arguments':'{}'},"
                                + "{'type':'function_call_output','call_id':'c','output':[{'type':'input_file','file_id':'ID'}]}]"),
                inResponse(
                        "file_search",
                        Tenant::vectorStore,
                        "'tools':[{'type':'file_search','vector_store_ids':['ID']}]"),
                inResponse(
                        "code_interpreter's files",
                        Tenant::file,
                        "'tools':[{'type':'code_interpreter','container':{'type':'auto','file_ids':['ID']}}]"),
                inResponse(
                        "code_interpreter's container",
                        Tenant::container,
                        "'tools':[{'type':'code_interpreter','container':'ID'}]"),
                inResponse(
                        "image_generation's mask",
                        Tenant::file,
                        "'tools':[{'type':'image_generation','input_image_mask':{'file_id':'ID'}}]"),
                inResponse("item_reference", Tenant::outputItem, ITEM + "{'type':'item_reference','id':'ID'}]"),
                inResponse(
                        "an item that is only an id",
                        Tenant::outputItem,
                        ITEM + "{'id':'ID','type':'item_reference'}]"),
                inResponse(
                        "reasoning without its content",
                        Tenant::reasoning,
                        ITEM + "{'type':'reasoning','id':'ID','summary':[]}]"),
                inResponse(
                        "a search without its results",
                        Tenant::outputItem,
                        ITEM + "{'type':'file_search_call','id':'ID','status':'completed','queries':['q']}]"),
                inResponse(
                        "an image by its id",
                        Tenant::outputItem,
                        ITEM + "{'type':'image_generation_call','id':'ID','status':'completed'}]"),
                inResponse(
                        "a call in a container",
                        Tenant::container,
                        ITEM + "{'type':'code_interpreter_call','id':'ci_1','container_id':'ID','code':'1',"
                                + "'outputs':[{'type':'logs','logs':'1'}],'status':'completed'}]"),
                inResponse(
                        "a prompt's variable",
                        Tenant::file,
                        "'prompt':{'id':'pmpt_1','variables':{'doc':{'type':'input_file','file_id':'ID'}}}"),
                naming(
                        "previous_response_id to be counted",
                        Tenant::response,
                        (who, id) -> who.post(
                                "/responses/input_tokens",
                                "{'model':'gpt-4o','input':'hi','previous_response_id':'" + id + "'}")),
                naming(
                        "previous_response_id to be compacted",
                        Tenant::response,
                        (who, id) -> who.post(
                                "/responses/compact",
                                "{'model':'gpt-4o','input':'hi','previous_response_id':'" + id + "'}")),
                naming(
                        "a file in a chat",
                        Tenant::file,
                        (who, id) -> who.chat("'messages':[{'role':'user','content':[{'type':'file','file':{'file_id':'"
                                + id + "'}}]}]")),
                naming(
                        "what was said aloud",
                        Tenant::audio,
                        (who, id) -> who.chat(
                                "'messages':[{'role':'user','content':'hi'},{'role':'assistant','audio':{'id':'" + id
                                        + "'}},{'role':'user','content':'again'}]")),
                naming(
                        "input_file_id",
                        Tenant::batchInput,
                        (who, id) -> who.post(
                                "/batches",
                                "{'input_file_id':'" + id
                                        + "','endpoint':'/v1/chat/completions','completion_window':'24h'}")),
                naming(
                        "file_ids of a vector store",
                        Tenant::file,
                        (who, id) -> who.post("/vector_stores", "{'name':'x','file_ids':['" + id + "']}")),
                naming(
                        "a vector store's file",
                        Tenant::file,
                        (who, id) ->
                                who.post("/vector_stores/" + who.vectorStore() + "/files", "{'file_id':'" + id + "'}")),
                naming(
                        "a vector store's files",
                        Tenant::file,
                        (who, id) -> who.post(
                                "/vector_stores/" + who.vectorStore() + "/file_batches",
                                "{'file_ids':['" + id + "']}")),
                naming(
                        "a vector store's files with attributes",
                        Tenant::file,
                        (who, id) -> who.post(
                                "/vector_stores/" + who.vectorStore() + "/file_batches",
                                "{'files':[{'file_id':'" + id + "','attributes':{'file_id':'file-of-nobody'}}]}")),
                naming(
                        "an item of a new conversation",
                        Tenant::outputItem,
                        (who, id) ->
                                who.post("/conversations", "{'items':[{'type':'item_reference','id':'" + id + "'}]}")),
                naming(
                        "an item added to a conversation",
                        Tenant::outputItem,
                        (who, id) -> who.post(
                                "/conversations/" + who.conversation() + "/items",
                                "{'items':[{'type':'item_reference','id':'" + id + "'}]}")),
                naming(
                        "a file in a conversation's item",
                        Tenant::file,
                        (who, id) -> who.post(
                                "/conversations/" + who.conversation() + "/items",
                                "{'items':[{'role':'user','content':[{'type':'input_file','file_id':'" + id
                                        + "'}]}]}")),
                naming(
                        "an image to be edited",
                        Tenant::file,
                        (who, id) -> who.post(
                                "/images/edits",
                                "{'model':'gpt-image-1','prompt':'x','images':[{'file_id':'" + id + "'}]}")),
                naming(
                        "an image's mask",
                        Tenant::file,
                        (who, id) -> who.post(
                                "/images/edits",
                                "{'model':'gpt-image-1','prompt':'x','images':[{'image_url':'data:image/png;base64,AAAA'}],"
                                        + "'mask':{'file_id':'" + id + "'}}")),
                naming(
                        "an image in a form",
                        Tenant::file,
                        (who, id) -> who.form(
                                "/images/edits",
                                new String[] {"image[0][file_id]", id},
                                new String[] {"prompt", "x"},
                                new String[] {"model", "gpt-image-1"},
                                new String[] {"image", "bytes", "a.png"})));
    }

    @TestFactory
    List<DynamicTest> whoMadeAnObjectMayNameItInABodyAndNobodyElse() {
        return namings().stream()
                .map(each -> DynamicTest.dynamicTest(each.name, () -> {
                    String id = each.make.apply(a);
                    Answer stranger = each.use.by(b, id);
                    if (each.name.startsWith("previous_response_id")) {
                        noPrevious(stranger);
                    } else {
                        stranger.unknown(each.name);
                        assertThat(stranger.text("/error/param")).as("param").isNotEmpty();
                    }
                    Answer own = each.use.by(a, id);
                    assertThat(own.status()).as(own.body()).isEqualTo(200);
                }))
                .toList();
    }

    private static void noPrevious(Answer answer) {
        assertThat(answer.status()).as(answer.body()).isEqualTo(400);
        assertThat(answer.text("/error/code")).isEqualTo("previous_response_not_found");
        assertThat(answer.text("/error/param")).isEqualTo("previous_response_id");
        assertThat(answer.field("x-lockkeeper-provider")).isNull();
    }

    @Test
    void aChainOfResponsesStaysInItsProject() {
        String first = a.response();
        noPrevious(b.respond("'previous_response_id':'" + first + "'"));
        noPrevious(b.respond("'previous_response_id':'" + first + "','stream':true"));
        String second =
                a.respond("'previous_response_id':'" + first + "'").good().id();
        assertThat(a.respond("'previous_response_id':'" + second + "'").good().text("/previous_response_id"))
                .isEqualTo(second);
        a.delete("/responses/" + second).good();
        noPrevious(a.respond("'previous_response_id':'" + second + "'"));
    }

    @Test
    void aFormMayNotNameAnObjectOnceItIsUnderWay() {
        Answer late = b.form(
                "/images/edits",
                new String[] {"model", "gpt-image-1"},
                new String[] {"prompt", "x"},
                new String[] {"image", "bytes".repeat(100_000), "a.png"},
                new String[] {"file_id", a.file()});
        assertThat(late.status()).as(late.body()).isEqualTo(400);
        assertThat(late.text("/error/param")).isEqualTo("file_id");
    }

    @Test
    void aPartBelongsToItsUpload() {
        String part = a.part(a.upload());
        b.post("/uploads/" + b.upload() + "/complete", "{'part_ids':['" + part + "']}")
                .unknown("part");
    }

    // ---- how objects come to be ----

    @ParameterizedTest
    @ValueSource(strings = {"'stream':true", "'stream':true,'background':true"})
    void aStreamedResponseIsItsProjectsFromItsFirstEventOn(String how) {
        List<JsonNode> events = a.respond(how).events();
        String id = events.getFirst().at("/response/id").asString();
        String path = "/responses/" + id;
        b.get(path).unknown(path);
        b.get(path + "?stream=true").unknown(path);
        b.post(path + "/cancel").unknown(path);
        b.delete(path).unknown(path);
        noPrevious(b.respond("'previous_response_id':'" + id + "'"));
        a.get(path).good();

        String item = events.getLast().at("/response/output/0/id").asString();
        String reference = ITEM + "{'type':'item_reference','id':'" + item + "'}]";
        b.respond(reference).unknown("item");
        a.respond(reference).good();
    }

    @Test
    void aStreamIsReadAgainFromAnyPlaceByItsOwnerOnly() {
        List<JsonNode> events = a.respond("'stream':true").events();
        String path = "/responses/" + events.getFirst().at("/response/id").asString();
        Answer again = a.get(path + "?stream=true&starting_after=3");
        assertThat(again.field("content-type")).startsWith("text/event-stream");
        assertThat(again.events()).isEqualTo(events.subList(4, events.size()));
        b.get(path + "?stream=true&starting_after=3").unknown(path);
    }

    @Test
    void aBackgroundResponseIsItsProjectsWhileItRunsAndAfter() {
        Answer begun = a.respond("'background':true").good();
        String path = "/responses/" + begun.id();
        b.get(path).unknown(path);
        b.get(path + "/input_items").unknown(path);
        Awaitility.await()
                .atMost(Duration.ofSeconds(10))
                .until(() -> a.get(path).good().text("/status").equals("completed"));
        b.get(path).unknown(path);
        String item = a.get(path).good().text("/output/0/id");
        a.respond(ITEM + "{'type':'item_reference','id':'" + item + "'}]").good();
        b.respond(ITEM + "{'type':'item_reference','id':'" + item + "'}]").unknown(item);
    }

    @Test
    void aStreamedChatThatIsStoredIsItsProjects() {
        String id = a.chat("'store':true,'stream':true")
                .events()
                .getFirst()
                .path("id")
                .asString();
        b.get("/chat/completions/" + id).unknown(id);
        a.get("/chat/completions/" + id).good();
    }

    @Test
    void whatIsNotStoredCantBeReadByAnybody() {
        String id = a.chat("").good().id();
        a.get("/chat/completions/" + id).unknown(id);
        b.get("/chat/completions/" + id).unknown(id);
        String response = a.respond("'store':false").good().id();
        a.get("/responses/" + response).unknown(response);
        b.get("/responses/" + response).unknown(response);
    }

    @Test
    void reasoningOfAResponseThatIsNotStoredMayComeBack() {
        JsonNode output = a.respond("'model':'gpt-5.5','store':false,'include':['reasoning.encrypted_content']")
                .good()
                .json()
                .path("output");
        a.respond("'model':'gpt-5.5','store':false,'input':" + output.toString().replace('"', '\''))
                .good();
    }

    @Test
    void aBatchsResultIsItsProjects() {
        JsonNode batch = a.batchDone();
        String file = batch.path("output_file_id").asString();
        assertThat(file).isNotEmpty();
        assertThat(a.get("/files/" + file + "/content").good().body()).contains("custom_id");
        b.get("/files/" + file + "/content").unknown(file);
        b.get("/files/" + file).unknown(file);
        b.delete("/files/" + file).unknown(file);
        assertThat(a.get("/files?limit=100").ids()).contains(file);
        assertThat(b.get("/files?limit=100").ids()).doesNotContain(file);
    }

    @Test
    void aBatchsResultIsKnownFromAListToo() {
        Tenant c = new Tenant(gateway, gateway.key("batches listed"));
        c.batch();
        Awaitility.await()
                .atMost(Duration.ofSeconds(10))
                .until(() -> c.get("/batches").good().text("/data/0/status").equals("completed"));
        String file = c.get("/batches").good().text("/data/0/output_file_id");
        c.get("/files/" + file + "/content").good();
        b.get("/files/" + file + "/content").unknown(file);
    }

    @Test
    void aFileMadeByCompletingAnUploadIsItsProjects() {
        String upload = a.upload();
        String part = a.part(upload);
        Answer done = a.post("/uploads/" + upload + "/complete", "{'part_ids':['" + part + "']}")
                .good();
        String file = done.text("/file/id");
        assertThat(a.get("/files/" + file + "/content").good().body()).isEqualTo("a text");
        b.get("/files/" + file + "/content").unknown(file);
        assertThat(a.get("/files?limit=100").ids()).contains(file);
    }

    // ---- items of conversations ----

    @Test
    void itemsOfAConversationMayBeReferredToByItsProject() {
        String conversation = a.post("/conversations", "{'items':[{'role':'user','content':'one'}]}")
                .good()
                .id();
        String added = a.item(conversation);
        Answer answered =
                a.respond("'conversation':'" + conversation + "','input':'two'").good();
        List<String> items =
                a.get("/conversations/" + conversation + "/items?order=asc").ids();
        assertThat(items).hasSize(4).contains(added, answered.text("/output/0/id"));
        for (String each : items) {
            String reference = ITEM + "{'type':'item_reference','id':'" + each + "'}]";
            b.respond(reference).unknown(each);
            a.respond(reference).good();
        }
        b.get("/conversations/" + conversation + "/items/" + added).unknown(added);
        a.get("/conversations/" + conversation + "/items/" + added).good();
        a.delete("/conversations/" + conversation + "/items/" + added).good();
        assertThat(a.get("/conversations/" + conversation + "/items").ids()).doesNotContain(added);
    }

    @Test
    void anItemJustAddedMayBeReferredTo() {
        String item = a.item(a.conversation());
        a.respond(ITEM + "{'type':'item_reference','id':'" + item + "'}]").good();
        b.respond(ITEM + "{'type':'item_reference','id':'" + item + "'}]").unknown(item);
    }

    @Test
    void whatAResponseTookInMayBeReferredToOnceItIsListed() {
        String item = a.get("/responses/" + a.response() + "/input_items").ids().getFirst();
        a.respond(ITEM + "{'type':'item_reference','id':'" + item + "'}]").good();
        b.respond(ITEM + "{'type':'item_reference','id':'" + item + "'}]").unknown(item);
    }

    @Test
    void bringingAnothersItemUnderItsIdDoesNotMakeItOnesOwn() {
        String item = a.item(a.conversation());
        String claim = "{'items':[{'type':'message','role':'user','content':'mine','id':'" + item + "'}]}";
        b.post("/conversations/" + b.conversation() + "/items", claim);
        b.respond(ITEM + "{'type':'item_reference','id':'" + item + "'}]").unknown(item);
        a.respond(ITEM + "{'type':'item_reference','id':'" + item + "'}]").good();
    }

    @Test
    void anItemsIdOpensNoOtherKindOfObject() {
        // A provider that lets clients choose ids of items tells one that is a file's, made without the gateway.
        b.post(
                "/conversations/" + b.conversation() + "/items",
                "{'items':[{'type':'message','role':'user','content':'x','id':'file-made-elsewhere'}]}");
        b.get("/files/file-made-elsewhere/content").unknown("file-made-elsewhere");
    }

    // ---- the lines of a batch ----

    private static String line(String url, String body) {
        return ("{'custom_id':'1','method':'POST','url':'" + url + "','body':{'model':'gpt-4o'," + body + "}}")
                .replace('\'', '"');
    }

    private static final String GOOD = line("/v1/responses", "'input':'hi'");

    private static Answer batch(Tenant who, String lines) {
        return who.post(
                "/batches",
                "{'input_file_id':'" + who.file("batch", lines)
                        + "','endpoint':'/v1/responses','completion_window':'24h'}");
    }

    @TestFactory
    List<DynamicTest> theLinesOfABatchNameOwnObjectsOnly() {
        Map<String, Function<Tenant, String>> bodies = Map.of(
                "'input':'hi','previous_response_id':'ID'", Tenant::response,
                "'input':'hi','conversation':{'id':'ID'}", Tenant::conversation,
                "'input':[{'role':'user','content':[{'type':'input_file','file_id':'ID'}]}]", Tenant::file,
                "'input':[{'role':'user','content':'hi'},{'type':'item_reference','id':'ID'}]", Tenant::outputItem,
                "'input':'hi','tools':[{'type':'file_search','vector_store_ids':['ID']}]", Tenant::vectorStore,
                "'input':'hi','tools':[{'type':'code_interpreter','container':'ID'}]", Tenant::container);
        List<DynamicTest> tests = new ArrayList<>();
        bodies.forEach((body, make) -> tests.add(DynamicTest.dynamicTest(body, () -> {
            String lines = GOOD + "\n\n" + line("/v1/responses", body.replace("ID", make.apply(a)));
            Answer stranger = batch(b, lines);
            stranger.unknown(body);
            assertThat(stranger.text("/error/param")).startsWith("line 3: body.");
            batch(a, lines).good();
        })));
        return tests;
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "no json",
                "[]",
                "{}",
                "{\"body\":\"text\"}",
                "{\"body\":{}} {}",
                "{\"body\":{},\"body\":{}}",
                "{\"body\":{\"model\":\"gpt-5.5-pro\"}}",
                "{\"body\":{\"input\":[{\"id\":\"x\""
            })
    void aLineThatCantBeReadOrAsksForAnotherModelStartsNoBatch(String wrong) {
        Answer answer = batch(a, GOOD + "\n" + wrong + "\n" + GOOD);
        assertThat(answer.status()).as(answer.body()).isEqualTo(400);
        assertThat(answer.text("/error/param")).isEqualTo("input_file_id");
        assertThat(answer.text("/error/message")).startsWith("Line 2 of the input file");
        assertThat(a.get("/files").good().status()).isEqualTo(200);
    }

    @Test
    void aBatchOfManyLinesIsReadInPieces() {
        String text = line("/v1/responses", "'input':'" + "x".repeat(40_000) + "'") + "\r\n";
        String file = a.file();
        String last = line(
                "/v1/responses",
                "'input':[{'role':'user','content':[{'type':'input_file','file_id':'" + file + "'}]}]");
        Answer stranger = batch(b, text.repeat(100) + last);
        stranger.unknown(file);
        assertThat(stranger.text("/error/param")).startsWith("line 101: ");
        assertThat(batch(a, text.repeat(100) + last).good().text("/status")).isNotEmpty();
    }

    @Test
    void aBatchWithoutAFileIsRefused() {
        Answer answer = a.post("/batches", "{'endpoint':'/v1/responses','completion_window':'24h'}");
        assertThat(answer.status()).isEqualTo(400);
        assertThat(answer.text("/error/param")).isEqualTo("input_file_id");
    }
}
