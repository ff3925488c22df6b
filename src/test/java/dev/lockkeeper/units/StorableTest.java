package dev.lockkeeper.units;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class StorableTest {
    @Test
    void whatNoDatabaseKeepsIsReplacedAndAllElseStays() {
        for (String text : new String[] {"", "ann", "ü名🎉", "\n\t\u0001"}) {
            assertThat(Storable.is(text)).isTrue();
            assertThat(Storable.of(text)).isSameAs(text);
        }
        assertThat(Storable.of("a\0b")).isEqualTo("a\uFFFDb");
        assertThat(Storable.of("\ud83ca\ude00🎉\ud83c")).isEqualTo("\uFFFDa\uFFFD🎉\uFFFD");
    }
}
