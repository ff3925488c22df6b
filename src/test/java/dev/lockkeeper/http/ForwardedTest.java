package dev.lockkeeper.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Proxies at 10.0.0.0/8 and 2001:db8:1::/48 are trusted; the socket's peer is 10.0.0.1. */
class ForwardedTest {
    private static final List<Network> TRUSTED =
            Stream.of("10.0.0.0/8", "2001:db8:1::/48").map(Network::parse).toList();

    private static Peer peer(String address, Front front) {
        return Peer.of(Objects.requireNonNull(Network.bytes(address)), front);
    }

    private static String client(Front.Field field, String peer, String... lines) {
        Front front = new Front(TRUSTED, false, field, false);
        Headers headers = Headers.empty();
        for (String each : lines) {
            headers.add(field.fieldName(), each);
        }
        return Forwarded.client(front, peer(peer, front), headers);
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', textBlock = """
            203.0.113.9                               | 203.0.113.9
            198.51.100.1, 203.0.113.9                 | 203.0.113.9
            198.51.100.1, 203.0.113.9, 10.7.7.7       | 203.0.113.9
            203.0.113.9,10.7.7.7,10.8.8.8             | 203.0.113.9
            10.9.9.9, 10.7.7.7                        | 10.9.9.9
            203.0.113.9:4711                          | 203.0.113.9
            2001:db8::1                               | 2001:db8::1
            2001:0DB8:0:0::1                          | 2001:db8::1
            [2001:db8::1]                             | 2001:db8::1
            [2001:db8::1]:4711                        | 2001:db8::1
            203.0.113.9, 2001:db8:1::7                | 203.0.113.9
            ::ffff:203.0.113.9                        | 203.0.113.9
            ::ffff:10.7.7.7                           | 10.7.7.7
            203.0.113.9, , 10.7.7.7,                  | 203.0.113.9
            203.0.113.9, garbage, 10.7.7.7            | 10.7.7.7
            203.0.113.9, unknown                      | 10.0.0.1
            203.0.113.9, 10.7.7.7:port                | 10.0.0.1
            203.0.113.9, [10.7.7.7]                   | 10.0.0.1
            203.0.113.9, [2001:db8:1::7               | 10.0.0.1
            203.0.113.9, 010.7.7.7.7                  | 10.0.0.1
            203.0.113.9, fe80::1%eth0                 | 10.0.0.1
            203.0.113.9 10.7.7.7                      | 10.0.0.1
            """)
    void theClientIsTheFirstFromTheRightThatIsNotTrusted(String field, String expected) {
        assertThat(client(Front.Field.X_FORWARDED_FOR, "10.0.0.1", field)).isEqualTo(expected);
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', textBlock = """
            for=203.0.113.9                                       | 203.0.113.9
            For="203.0.113.9:4711";proto=https;by=10.0.0.1        | 203.0.113.9
            proto=https ; for=203.0.113.9                         | 203.0.113.9
            for="[2001:db8::1]:4711"                              | 2001:db8::1
            for=198.51.100.1, for=203.0.113.9, for=10.7.7.7       | 203.0.113.9
            for=203.0.113.9, for=10.7.7.7;by="a,b;c"              | 203.0.113.9
            for=203.0.113.9, by=10.7.7.7                          | 10.0.0.1
            for=203.0.113.9, for=unknown                          | 10.0.0.1
            for=203.0.113.9, for=_hidden                          | 10.0.0.1
            for="203.0.113.9, for=10.7.7.7                        | 10.7.7.7
            for=203.0.113.9, for="10.7.7.7                        | 10.0.0.1
            for=203.0.113.9, for="10.7.\\7.7"                     | 10.0.0.1
            for=203.0.113.9, for=10.7.7.7"                        | 10.0.0.1
            203.0.113.9                                           | 10.0.0.1
            """)
    void theStandardsFieldIsReadLikewise(String field, String expected) {
        assertThat(client(Front.Field.FORWARDED, "10.0.0.1", field)).isEqualTo(expected);
    }

    @org.junit.jupiter.api.Test
    void severalLinesAreOneList() {
        assertThat(client(Front.Field.X_FORWARDED_FOR, "10.0.0.1", "198.51.100.1", "203.0.113.9, 10.7.7.7", "10.8.8.8"))
                .isEqualTo("203.0.113.9");
    }

    @org.junit.jupiter.api.Test
    void whoIsNotTrustedSpeaksForItselfOnly() {
        assertThat(client(Front.Field.X_FORWARDED_FOR, "192.0.2.1", "203.0.113.9"))
                .isEqualTo("192.0.2.1");
        assertThat(client(Front.Field.FORWARDED, "192.0.2.1", "for=203.0.113.9"))
                .isEqualTo("192.0.2.1");
    }

    @org.junit.jupiter.api.Test
    void theSearchIsBounded() {
        String hops =
                Stream.generate(() -> "10.7.7.7").limit(Forwarded.MAX_HOPS).collect(Collectors.joining(","));
        assertThat(client(Front.Field.X_FORWARDED_FOR, "10.0.0.1", "203.0.113.9," + hops))
                .isEqualTo("10.7.7.7");
    }

    /** Whatever a client writes, it stands left of what the proxy adds. */
    @Property(tries = 2000)
    void noClientCanChangeWhatItsProxySaysOfIt(@ForAll String claimed) {
        String clean = claimed.replaceAll("\\p{Cntrl}", "");
        assertThat(client(Front.Field.X_FORWARDED_FOR, "10.0.0.1", clean + ", 203.0.113.9"))
                .isEqualTo("203.0.113.9");
        assertThat(client(Front.Field.FORWARDED, "10.0.0.1", clean + ", for=203.0.113.9"))
                .isEqualTo("203.0.113.9");
        assertThat(client(Front.Field.X_FORWARDED_FOR, "192.0.2.1", clean)).isEqualTo("192.0.2.1");
    }

    @ParameterizedTest
    @CsvSource({"10.0.0.1, https, true", "10.0.0.1, HTTPS, true", "10.0.0.1, http, false", "192.0.2.1, https, false"})
    void aTrustedProxyTellsOfTls(String peer, String proto, boolean secure) {
        for (Front.Field field : Front.Field.values()) {
            Front front = new Front(TRUSTED, false, field, false);
            Headers headers = Headers.empty()
                    .set("x-forwarded-proto", proto)
                    .set("forwarded", "for=1.2.3.4;proto=http, for=5.6.7.8;proto=" + proto);
            assertThat(Forwarded.secure(front, peer(peer, front), headers)).isEqualTo(secure);
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            https        | http  | false
            http         | https | true
            https, http  |       | false
            http, https  |       | true
            """)
    void theNearestProxysWordOnTlsCounts(String first, @Nullable String second, boolean secure) {
        Front front = new Front(TRUSTED, false, Front.Field.X_FORWARDED_FOR, false);
        Headers headers = Headers.empty().add("x-forwarded-proto", first);
        if (second != null) {
            headers.add("x-forwarded-proto", second);
        }
        assertThat(Forwarded.secure(front, peer("10.0.0.1", front), headers)).isEqualTo(secure);
    }
}
