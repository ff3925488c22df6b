package dev.lockkeeper.house;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.access.Actor;
import dev.lockkeeper.access.KeyKind;
import dev.lockkeeper.access.KeyTerms;
import dev.lockkeeper.access.Tenants;
import dev.lockkeeper.house.Tenant.Answer;
import dev.lockkeeper.routing.ModelSettings.Profile;
import dev.lockkeeper.testing.Gateway;
import dev.lockkeeper.testing.SimulatedProvider;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Where calls of a project go that is bound to regions: nowhere else, whatever they name. */
class ResidencyTest {
    private static final Actor WHO = Actor.folder("test");

    private interface Check {
        void on(Gateway gateway, Tenant bound, Tenant free);
    }

    /** Before a provider that says nothing, one in the US and one in the EU; of two projects one is bound to the EU. */
    private static void with(Check check) {
        try (SimulatedProvider one = SimulatedProvider.seeded(1);
                SimulatedProvider two = SimulatedProvider.seeded(2);
                SimulatedProvider three = SimulatedProvider.seeded(3);
                Gateway gateway = Gateway.plan()
                        .provider("nowhere", one.port())
                        .provider("us", two.port())
                        .regions("us")
                        .provider("eu", three.port())
                        .regions("eu", "de")
                        .model("all", Profile.AUTO, "nowhere/gpt-4o", "us/gpt-4o", "eu/gpt-4o")
                        .model("abroad", Profile.AUTO, "nowhere/gpt-4o", "us/gpt-4o")
                        .start()) {
            tenants(gateway).createProject(WHO, "default", "bound", List.of(), List.of("eu"));
            check.on(gateway, new Tenant(gateway, gateway.key("bound")), new Tenant(gateway, gateway.key("free")));
        }
    }

    private static Tenants tenants(Gateway gateway) {
        return gateway.house().access().tenants();
    }

    private static void refused(Answer answer, String first, String... more) {
        List<String> told = Stream.concat(Stream.of(first), Stream.of(more)).toList();
        assertThat(answer.status()).as(answer.body()).isEqualTo(403);
        assertThat(answer.text("/error/code")).isEqualTo("region_not_allowed");
        assertThat(answer.text("/error/message"))
                .contains("What this project sends")
                .contains(told);
        assertThat(answer.field("x-lockkeeper-provider")).as("has reached one").isNull();
    }

    @Test
    void aBoundProjectsCallsGoOnlyToTargetsOfItsRegions() {
        with((_, bound, free) -> {
            assertThat(free.chat("'model':'all'").good().field("x-lockkeeper-provider"))
                    .isEqualTo("nowhere");
            for (int i = 0; i < 5; i++) {
                assertThat(bound.chat("'model':'all'").good().field("x-lockkeeper-provider"))
                        .isEqualTo("eu");
            }
            assertThat(bound.respond("'model':'all'").good().field("x-lockkeeper-provider"))
                    .isEqualTo("eu");
            Answer none = bound.chat("'model':'abroad'");
            assertThat(none.status()).as(none.body()).isGreaterThanOrEqualTo(400);
            assertThat(none.field("x-lockkeeper-provider")).isNull();
            assertThat(none.body()).contains("eu");
        });
    }

    @Test
    void whatABoundProjectSendsWithoutAModelStaysInItsRegionsToo() {
        with((_, bound, free) -> {
            String file = bound.file();
            assertThat(bound.get("/files/" + file).good().field("x-lockkeeper-provider"))
                    .isEqualTo("eu");
            assertThat(bound.at("eu").file()).isNotEmpty();
            assertThat(free.get("/files/" + free.file()).good().field("x-lockkeeper-provider"))
                    .isEqualTo("nowhere");
            refused(
                    bound.at("us").post("/vector_stores", "{'name':'a store'}"),
                    "only to providers in eu",
                    "provider 'us' is not there");
            refused(
                    bound.at("nowhere")
                            .form("/files", new String[] {"purpose", "user_data"}, new String[] {"file", "x", "x.txt"}),
                    "provider 'nowhere' is not there");
            assertThat(bound.batch()).as("all of it in the region").isNotEmpty();
        });
    }

    @Test
    void whatWasLeftElsewhereBeforeCanBeReadAndDeletedButNotAddedTo() {
        with((gateway, _, free) -> {
            String store = free.vectorStore();
            String file = free.file();
            String response = free.respond("'model':'all'").good().id();
            tenants(gateway).changeProject(WHO, "free", null, null, List.of("eu"));
            assertThat(free.get("/files/" + file).good().field("x-lockkeeper-provider"))
                    .isEqualTo("nowhere");
            refused(
                    free.post("/vector_stores/" + store + "/files", "{'file_id':'" + file + "'}"),
                    "provider 'nowhere' is not there");
            Answer further = free.respond("'model':'all','previous_response_id':'" + response + "'");
            assertThat(further.status()).as(further.body()).isGreaterThanOrEqualTo(400);
            free.delete("/files/" + file).good();

            tenants(gateway).changeProject(WHO, "free", null, null, List.of("mars"));
            refused(
                    free.form("/files", new String[] {"purpose", "user_data"}, new String[] {"file", "x", "x.txt"}),
                    "only to providers in mars, and there is none");
            tenants(gateway).changeProject(WHO, "free", null, null, List.of());
            assertThat(free.file()).as("free again").isNotEmpty();
        });
    }

    @Test
    void aKeyOfABoundOrganizationsProjectIsBoundToo() {
        with((gateway, _, _) -> {
            tenants(gateway).createOrganization(WHO, "Acme", 0, List.of("us"));
            String key = gateway.house()
                    .keys()
                    .create(WHO, "k", "Acme", "web", KeyKind.LIVE, KeyTerms.FREE)
                    .text();
            Tenant acme = new Tenant(gateway, key);
            assertThat(acme.chat("'model':'all'").good().field("x-lockkeeper-provider"))
                    .isEqualTo("us");
            assertThat(acme.get("/files/" + acme.file()).good().field("x-lockkeeper-provider"))
                    .isEqualTo("us");
        });
    }
}
