package dev.lockkeeper.settings;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.http.ClientSettings;
import dev.lockkeeper.testing.Pem;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Which proxy stands before a provider, and which certificates are used there. */
class ProxiesTest {
    @TempDir
    Path folder;

    private Config config = new Config(Path.of(""), Map.of(), Overrides.NONE);

    @BeforeEach
    void files() {
        config = Config.in(folder)
                .file("ca.pem", "# Our authority\n" + Pem.of("authority.test").certificate() + "\nend\n")
                .file("cert.pem", Pem.of("settings.test").certificate())
                .file("key.pem", Pem.of("settings.test").key())
                .file("other.pem", Pem.of("other.test").key())
                .file("broken.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    }

    private static String yaml(String baseUrl, String inside) {
        return "providers:\n  p:\n    auth: none\n    base-url: " + baseUrl + "\n    " + inside + "\nmodels: {m: p}\n";
    }

    private ClientSettings way(String baseUrl, String inside, Map<String, String> environment) {
        return config.with(environment)
                .file(yaml(baseUrl, inside))
                .settings()
                .providers()
                .getFirst()
                .connection();
    }

    private static String basic(String user) {
        return "Basic " + Base64.getEncoder().encodeToString(user.getBytes(StandardCharsets.UTF_8));
    }

    @Test
    void aProxyIsReadWithItsCredentialsAndCertificates() {
        ClientSettings.Proxy proxy = way(
                        "https://a.example.com/v1",
                        "proxy: {url: https://proxy.internal/, username: me, password: \"${PW}\", ca: ca.pem}",
                        Map.of("PW", "secret pw"))
                .proxy();
        assertThat(proxy)
                .isEqualTo(new ClientSettings.Proxy(
                        "proxy.internal",
                        443,
                        true,
                        basic("me:secret pw"),
                        Pem.of("authority.test").certificate()));
        assertThat(String.valueOf(proxy)).isEqualTo("proxy.internal:443");
        assertThat(way("http://10.0.0.7:8000/v1", "proxy: {url: \"http://[fd00::1]:3128\"}", Map.of())
                        .proxy())
                .as("private addresses are the proxy's business")
                .isEqualTo(new ClientSettings.Proxy("fd00::1", 3128, false, "", ""));
    }

    @Test
    void noSecretOfAProxyIsInWhatIsShown() {
        Loaded.Good good = config.with(Map.of("PW", "secret-pw"))
                .file(yaml(
                        "https://a.example.com/v1", "proxy: {url: http://proxy:1, username: me, password: \"${PW}\"}"))
                .good();
        assertThat(good.effective().render()).doesNotContain("secret-pw").contains("http://proxy:1");
        assertThat(good.settings().toString())
                .doesNotContain("secret-pw")
                .doesNotContain(Base64.getEncoder().encodeToString("me:secret-pw".getBytes(StandardCharsets.UTF_8)));
        Loaded.Good environment = config.with(Map.of("HTTPS_PROXY", "http://me:secret-pw@proxy:1"))
                .file(yaml("https://a.example.com/v1", ""))
                .good();
        assertThat(environment.notes())
                .singleElement()
                .asString()
                .contains("providers.p", "proxy:1", "HTTPS_PROXY")
                .doesNotContain("secret");
    }

    @ParameterizedTest(name = "{0} {1}")
    @CsvSource({
        "example.com, api.example.com, 443, true",
        "example.com, example.com, 443, true",
        "example.com, EXAMPLE.com., 443, true",
        "example.com, badexample.com, 443, false",
        ".example.com, example.com, 443, false",
        ".example.com, api.example.com, 443, true",
        "*.Example.com, api.example.com, 443, true",
        "example.com:8443, example.com, 443, false",
        "example.com:8443, example.com, 8443, true",
        "10.0.0.0/8, 10.1.2.3, 80, true",
        "10.0.0.0/8, 11.1.2.3, 80, false",
        "10.0.0.0/8, ten.example.com, 80, false",
        "10.1.2.3:80, 10.1.2.3, 80, true",
        "10.1.2.3:80, 10.1.2.3, 81, false",
        "2001:db8::/32, 2001:db8::7, 443, true",
        "[::1]:443, ::1, 443, true",
        "[::1]:443, ::1, 80, false",
        "*, anything, 1, true",
    })
    void anEntryCoversWhatItSays(String entry, String host, int port, boolean covered) {
        NoProxy read = NoProxy.parse(entry);
        assertThat(read).isNotNull();
        assertThat(read != null && read.covers(host, port)).isEqualTo(covered);
    }

    @Test
    void whatIsNotToGoThroughTheProxyDoesNot() {
        String proxy = "proxy: {url: http://proxy:1, no-proxy: [b.example.com, .example.com, 192.0.2.0/24]}";
        assertThat(way("https://a.example.com/v1", proxy, Map.of()).proxy()).isNull();
        assertThat(way("https://192.0.2.7/v1", proxy, Map.of()).proxy()).isNull();
        assertThat(way("https://example.org/v1", proxy, Map.of()).proxy()).isNotNull();
    }

    private @Nullable String environment(String baseUrl, String inside, String... variables) {
        Map<String, String> environment = new HashMap<>();
        for (int i = 0; i < variables.length; i += 2) {
            environment.put(variables[i], variables[i + 1]);
        }
        ClientSettings.Proxy proxy = way(baseUrl, inside, environment).proxy();
        return proxy == null ? null : proxy + " " + proxy.authorization();
    }

    @Test
    void theEnvironmentCountsWhereTheFileSaysNothing() {
        String https = "https://a.example.com/v1";
        assertThat(environment(https, "", "HTTPS_PROXY", "http://env:3128")).isEqualTo("env:3128 ");
        assertThat(environment(https, "", "https_proxy", "small:1", "HTTPS_PROXY", "http://capital:2"))
                .isEqualTo("small:1 ");
        assertThat(environment(https, "", "HTTPS_PROXY", "http://me:p%40ss+@env"))
                .isEqualTo("env:80 " + basic("me:p@ss+"));
        assertThat(environment(https, "", "HTTP_PROXY", "http://env:3128")).isNull();
        assertThat(environment("http://a.example.com/v1", "", "HTTP_PROXY", "http://env:3128"))
                .isEqualTo("env:3128 ");
        assertThat(environment(https, "", "HTTPS_PROXY", "http://env:1", "NO_PROXY", "x, .example.com ,???"))
                .isNull();
        assertThat(environment(https, "", "HTTPS_PROXY", "http://env:1", "no_proxy", "b.example.com"))
                .isEqualTo("env:1 ");
        assertThat(environment(https, "proxy: {url: none}", "HTTPS_PROXY", "http://env:1"))
                .isNull();
        assertThat(environment(https, "proxy: {url: http://file:2}", "HTTPS_PROXY", "http://env:1", "NO_PROXY", "*"))
                .isEqualTo("file:2 ");
    }

    @ParameterizedTest
    @CsvSource({
        "127.0.0.1",
        "127.8.9.1",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "[::]",
        "localhost",
        "LocalHost.",
        "llm.localhost"
    })
    void aProxyOfTheEnvironmentNeverStandsBeforeTheMachineItself(String host) {
        for (String scheme : List.of("http", "https")) {
            assertThat(environment(
                            scheme + "://" + host + ":9/v1",
                            "private-addresses: true",
                            "HTTP_PROXY",
                            "http://env:1",
                            "HTTPS_PROXY",
                            "http://env:1"))
                    .isNull();
        }
        assertThat(environment("http://127.example.com/v1", "", "HTTP_PROXY", "http://env:1"))
                .as("a name that only looks like it")
                .isEqualTo("env:1 ");
        assertThat(environment("http://127.0.0.1:9/v1", "proxy: {url: http://file:2}", "HTTP_PROXY", "http://env:1"))
                .as("what the file says counts")
                .isEqualTo("file:2 ");
    }

    @Test
    void aProxyOfTheEnvironmentNeverStandsBeforeTheSimulator() {
        Map<String, String> everything =
                Map.of("HTTP_PROXY", "http://env:1", "HTTPS_PROXY", "http://env:1", "http_proxy", "http://env:1");
        for (String file : List.of("{}\n", "providers: {simulator: {}}\nmodels: {m: simulator}\n")) {
            Loaded.Good good = config.with(everything).file(file).good();
            assertThat(good.settings().providers())
                    .allSatisfy(provider ->
                            assertThat(provider.connection().proxy()).isNull());
            assertThat(good.notes()).noneMatch(note -> note.contains("proxy"));
        }
    }

    @Test
    void aProxyOfTheEnvironmentThatCannotBeUsedIsAMistakeThatNamesTheVariable() {
        assertThat(config.with(Map.of("HTTPS_PROXY", "socks5://me:secret@proxy:1080"))
                        .file(yaml("https://a.example.com/v1", ""))
                        .mistakes())
                .containsExactly(
                        "HTTPS_PROXY: providers.p.proxy.url: ******** (expected: the URL of an HTTP proxy, such as"
                                + " http://proxy.example.com:3128 or https://proxy.example.com:3129, or none)");
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            proxy: {url: "socks5://proxy:1080"} | proxy.url: socks5://proxy:1080 (expected: the URL of an HTTP proxy, such as http://proxy.example.com:3128 or https://proxy.example.com:3129, or none)
            proxy: {url: "http://proxy:1/path"} | proxy.url: http://proxy:1/path (expected: the URL of an HTTP proxy, such as http://proxy.example.com:3128 or https://proxy.example.com:3129, or none)
            proxy: {url: "http://me:secret@proxy:1"} | proxy.url: ******** (expected: a URL without a user; write proxy.username and proxy.password beside it)
            proxy: {url: "http://me:se/cret@proxy:1"} | proxy.url: ******** (expected: the URL of an HTTP proxy, such as http://proxy.example.com:3128 or https://proxy.example.com:3129, or none)
            proxy: {username: me} | proxy.username: me (expected: proxy.url beside it, the URL of a proxy)
            proxy: {url: none, no-proxy: [a]} | proxy.no-proxy: a list (expected: proxy.url beside it, the URL of a proxy)
            proxy: {url: "http://p:1", password: secret} | proxy.password: ******** (expected: proxy.username beside it)
            proxy: {url: "http://p:1", username: "a:b"} | proxy.username: a:b (expected: a name without colon and control characters, at most 255 long)
            proxy: {url: "http://p:1", ca: ca.pem} | proxy.ca: ca.pem (expected: no certificates, since proxy.url is http)
            proxy: {url: "https://p:1", ca: key.pem} | proxy.ca: key.pem (expected: a PEM file with a line -----BEGIN CERTIFICATE-----)
            proxy: {url: "http://p:1", no-proxy: [10.0.0.1/8]} | proxy.no-proxy[0]: 10.0.0.1/8 (expected: a name (example.com), a suffix (.example.com), an address or a range of addresses (10.0.0.0/8), each with a port behind it or without (example.com:8443, [::1]:443), or "*")
            proxy: {url: "http://p:1", no-proxy: ["a:99999"]} | proxy.no-proxy[0]: a:99999 (expected: a name (example.com), a suffix (.example.com), an address or a range of addresses (10.0.0.0/8), each with a port behind it or without (example.com:8443, [::1]:443), or "*")
            tls: {ca: no.pem} | tls.ca: no.pem (expected: a PEM file that can be read; FOLDER/no.pem does not exist)
            tls: {ca: broken.pem} | tls.ca: broken.pem (expected: a PEM file of certificates; the certificate number 1 in FOLDER/broken.pem can't be read)
            tls: {certificate: cert.pem} | tls.certificate: cert.pem (expected: tls.key beside it)
            tls: {key: key.pem} | tls.key: key.pem (expected: tls.certificate beside it)
            tls: {certificate: cert.pem, key: cert.pem} | tls.key: cert.pem (expected: a PEM file with a line -----BEGIN PRIVATE KEY-----; another form of key becomes one with: openssl pkcs8 -topk8 -nocrypt)
            tls: {certificate: cert.pem, key: other.pem} | tls.key: other.pem (expected: the key of tls.certificate, both whole; FOLDER/other.pem is not the key of FOLDER/cert.pem)
            tls: {server-name: "a b"} | tls.server-name: a b (expected: a host name, such as api.example.com)
            """)
    void aMistakeNamesTheKeyAndTheFile(String inside, String text) {
        List<String> mistakes =
                config.file(yaml("https://a.example.com/v1", inside)).mistakes();
        assertThat(mistakes)
                .singleElement()
                .asString()
                .startsWith("lockkeeper.yaml:5:")
                .endsWith(" providers.p." + text.replace("FOLDER", folder.toString()))
                .doesNotContain("secret");
    }

    @Test
    void theFilesAreWatchedAndOtherContentIsAnotherWay() {
        String inside = "tls: {ca: ca.pem, certificate: cert.pem, key: key.pem}";
        Loaded.Good before =
                config.file(yaml("https://a.example.com/v1", inside)).good();
        assertThat(before.files())
                .containsKeys(folder.resolve("ca.pem"), folder.resolve("cert.pem"), folder.resolve("key.pem"));
        Loaded.Good after = (Loaded.Good)
                config.file("ca.pem", Pem.of("other-authority.test").certificate())
                        .again(before);
        assertThat(after.files().get(folder.resolve("ca.pem")))
                .isNotEqualTo(before.files().get(folder.resolve("ca.pem")));
        assertThat(after.settings().providers().getFirst().connection())
                .isNotEqualTo(before.settings().providers().getFirst().connection());
    }

    @Test
    void certificatesAreReadAndWantTls() {
        assertThat(way(
                                "https://a.example.com/v1",
                                "tls: {ca: ca.pem, certificate: cert.pem, key: key.pem, server-name: b.example.com}",
                                Map.of())
                        .certificates())
                .isEqualTo(new ClientSettings.Certificates(
                        Pem.of("authority.test").certificate(),
                        Pem.of("settings.test").certificate(),
                        Pem.of("settings.test").key(),
                        "b.example.com"));
        assertThat(way("https://a.example.com/v1", "", Map.of()).certificates()).isNull();
        assertThat(config.file(yaml("http://a.example.com/v1", "tls: {ca: ca.pem}"))
                        .mistakes())
                .singleElement()
                .asString()
                .endsWith("tls.ca: ca.pem (expected: https in base-url: plain http has no certificates)");
    }
}
