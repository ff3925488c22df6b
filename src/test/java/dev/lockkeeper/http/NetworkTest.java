package dev.lockkeeper.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class NetworkTest {
    private static Network network(String text) {
        return Objects.requireNonNull(Network.parse(text));
    }

    @ParameterizedTest(name = "{1} in {0}: {2}")
    @CsvSource({
        "10.0.0.0/8, 10.255.255.255, true",
        "10.0.0.0/8, 11.0.0.0, false",
        "10.0.0.0/8, ::ffff:10.1.2.3, true",
        "192.0.2.7, 192.0.2.7, true",
        "192.0.2.7, 192.0.2.6, false",
        "192.0.2.0/31, 192.0.2.1, true",
        "192.0.2.0/31, 192.0.2.2, false",
        "0.0.0.0/0, 203.0.113.9, true",
        "0.0.0.0/0, 2001:db8::1, false",
        "2001:db8::/32, 2001:db8:ffff::1, true",
        "2001:db8::/32, 2001:db9::, false",
        "2001:db8::/65, 2001:db8::7fff:0:0:1, true",
        "2001:db8::/65, 2001:db8::8000:0:0:1, false",
        "::1, ::1, true",
        "::1, 127.0.0.1, false",
        "::/0, 2001:db8::1, true",
        "::ffff:10.0.0.0/104, 10.9.9.9, true"
    })
    void aRangeHoldsItsAddresses(String range, String address, boolean inside) {
        Network network = network(range);
        assertThat(network.contains(Objects.requireNonNull(Network.bytes(address))))
                .isEqualTo(inside);
        assertThat(Network.parse(network.toString())).isEqualTo(network);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "/",
                "10.0.0.0/",
                "10.0.0.0/33",
                "10.0.0.0/-1",
                "10.0.0/8",
                "10",
                "256.1.1.1",
                "::/129",
                "::1/",
                ":::",
                "host",
                "fe80::1%eth0",
                "[::1]",
                "10.0.0.0/8/8",
                "10.0.0.1/8",
                "2001:db8::1/32",
                "1.2.3.4:80"
            })
    void whatIsNoRangeIsRefused(String text) {
        assertThat(Network.parse(text)).isNull();
    }

    @Test
    void bitsBehindThePrefixAreAMistakeWithAHint() {
        assertThat(Network.near("10.0.0.1/8")).isEqualTo("10.0.0.0/8");
        assertThat(Network.near("2001:db8::1/32")).isEqualTo("2001:db8::/32");
        assertThat(Network.near("host")).isNull();
        assertThatThrownBy(() -> new Network(1, 0, 32)).hasMessageContaining("/32");
    }

    @Test
    void everybodyIsToldFromMany() {
        assertThat(network("0.0.0.0/0").isEverybody()).isTrue();
        assertThat(network("::/0").isEverybody()).isTrue();
        assertThat(network("10.0.0.0/8").isEverybody()).isFalse();
    }

    @Test
    void aCoarseAddressIsItsNetwork() {
        assertThat(Network.coarse("203.0.113.77")).isEqualTo("203.0.113.0");
        assertThat(Network.coarse("2001:db8:1:2:3:4:5:6")).isEqualTo("2001:db8:1::");
        assertThat(Network.coarse("unix")).isEqualTo("unix");
        assertThat(Network.coarse("")).isEmpty();
    }
}
