package dev.lockkeeper.routing;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class CatalogTest {
    private final Catalog catalog = Catalog.shipped();

    @Test
    void aModelIsKnownByItsName() {
        assertThat(catalog.find("gpt-5.5"))
                .isEqualTo(new Catalog.Known(
                        "openai", "gpt-5.5", Catalog.Kind.CHAT, 1_050_000, 128_000, List.of("chat", "responses")));
        assertThat(catalog.find("text-embedding-3-small"))
                .isEqualTo(new Catalog.Known(
                        "openai", "text-embedding-3-small", Catalog.Kind.EMBEDDING, 8191, 0, List.of("embeddings")));
    }

    @Test
    void neitherReleaseDayNorVendorMatter() {
        assertThat(catalog.find("gpt-4o-2024-11-20")).isEqualTo(catalog.find("gpt-4o"));
        assertThat(catalog.find("claude-haiku-4-5-20251001")).isEqualTo(catalog.find("claude-haiku-4-5"));
        assertThat(catalog.find("openai/gpt-4o")).isEqualTo(catalog.find("gpt-4o"));
        assertThat(catalog.find("gpt-4o")).isNotNull();
    }

    @Test
    void anUnknownModelIsNotGuessed() {
        assertThat(catalog.find("gpt-4o-mine")).isNull();
        assertThat(catalog.find("")).isNull();
    }

    @Test
    void aVendorsModelsAreListed() {
        assertThat(catalog.of("openai"))
                .extracting(Catalog.Known::model)
                .contains("gpt-5.5", "gpt-4o-mini", "whisper-1")
                .doesNotHaveDuplicates();
        assertThat(catalog.of("nobody")).isEmpty();
    }

    @Test
    void everyLineIsPlausible() {
        for (String vendor : List.of("openai", "anthropic", "gemini", "deepseek", "xai")) {
            assertThat(catalog.of(vendor)).isNotEmpty().allSatisfy(known -> {
                assertThat(known.endpoints()).isNotEmpty().doesNotContain("");
                assertThat(known.maxOutput()).isBetween(0L, Math.max(known.context(), 0L));
            });
        }
    }
}
