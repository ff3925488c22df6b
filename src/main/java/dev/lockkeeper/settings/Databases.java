package dev.lockkeeper.settings;

import dev.lockkeeper.db.DatabaseSettings;
import dev.lockkeeper.db.DatabaseSettings.Postgres;
import dev.lockkeeper.db.DatabaseSettings.Server;
import dev.lockkeeper.db.DatabaseSettings.Tls;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Reads which store keeps the tables: the section {@code database}. */
final class Databases {
    private static final String EXPECTED =
            "the URL of a PostgreSQL database, such as postgres://db.example.com:5432/lockkeeper";

    private static final int USUAL_PORT = 5432;

    /** Several servers are divided by commas, which no URL of another kind has. */
    private static final Pattern PARTS = Pattern.compile(
            "(?:jdbc:)?postgres(?:ql)?://(?<servers>[^/?#@\\s]+)/(?<name>[^/?#\\s]+)(?<query>\\?[^#\\s]*)?");

    private static final Pattern SERVER = Pattern.compile("(\\[[0-9A-Fa-f:.]+]|[A-Za-z0-9._-]+)(?::(\\d{1,5}))?");

    private static final Type<String> URL = Type.text("URL", EXPECTED, "\\S+");

    private static final Type<String> USER =
            Type.text("text", "a name without control characters, at most 255 long", "\\P{Cntrl}{1,255}");

    private static final Type<String> SCHEMA = Type.text(
            "name",
            "a name of small letters, digits and _, at most 63 long, that begins with a letter or _ and not with pg_",
            "(?!pg_)[a-z_][a-z0-9_]{0,62}");

    private static final Type<Tls> TLS = Type.choice(List.of(Tls.values()), Tls::word);

    private final Reading reading;
    private final PemFiles pems;

    Databases(Reading reading, PemFiles pems) {
        this.reading = reading;
        this.pems = pems;
    }

    DatabaseSettings read(Section section) {
        Setting<Optional<String>> url = section.optional("url", URL, "SQLite in the folder data");
        Setting<Optional<String>> user = section.optional("user", USER, "as the process's user is called");
        Setting<Optional<String>> password = section.optional("password", Type.QUERY_VALUE, "none");
        Setting<String> schema = section.value("schema", SCHEMA, Postgres.SCHEMA);
        Setting<Long> connections = section.value("connections", Type.integer(2, 200), (long) Postgres.CONNECTIONS);
        Setting<Duration> connectTimeout = section.value(
                "connect-timeout",
                Type.duration(Duration.ofSeconds(1), Duration.ofSeconds(20)),
                Postgres.CONNECT_TIMEOUT);
        Setting<Duration> startWait =
                section.value("start-wait", Type.duration(Duration.ZERO, Duration.ofHours(1)), Postgres.START_WAIT);
        Url parsed = url.value().map(text -> parse(url, text)).orElse(null);
        Tls usual = parsed == null ? Tls.VERIFY_FULL : parsed.tls();
        Setting<Tls> tls =
                section.value("tls", TLS, usual, "as the URL's sslmode says, else verify-full, on this machine prefer");
        Setting<Optional<Path>> ca = section.optional("ca", pems.path(), "what the JDK trusts");
        section.end();
        String _ = pems.authorities(ca);
        if (ca.written() && ca.usable() && tls.value() != Tls.VERIFY_CA && tls.value() != Tls.VERIFY_FULL) {
            reading.mistake(
                    ca,
                    "database.tls: verify-ca or verify-full beside it; "
                            + tls.value().word() + " asks nobody");
        }
        if (parsed == null) {
            if (!url.written()) {
                for (Setting<?> lone : List.of(user, password, ca)) {
                    if (lone.written()) {
                        reading.mistake(lone, "database.url beside it: without it the store is SQLite");
                    }
                }
            }
            return new DatabaseSettings.Sqlite();
        }
        return new Postgres(
                parsed.servers,
                parsed.name,
                user.value().orElse(null),
                password.value().orElse(null),
                schema.value(),
                Math.toIntExact(connections.value()),
                connectTimeout.value(),
                startWait.value(),
                tls.value(),
                ca.value().orElse(null));
    }

    /** What a URL says; null where it is a mistake, which is told. */
    private @Nullable Url parse(Setting<?> url, String text) {
        if (text.matches("[a-z:]+://[^/?#]*@.*") || text.matches(".*[?&](user|password)=.*")) {
            reading.mistake(
                    url.place(),
                    url.key(),
                    Shown.value(text),
                    "a URL without user and password; write database.user and database.password beside it",
                    null);
            return null;
        }
        Matcher parts = PARTS.matcher(text);
        List<Server> servers = parts.matches() ? servers(parts.group("servers")) : null;
        String name = servers == null ? null : decoded(parts.group("name"));
        if (servers == null || name == null) {
            reading.mistake(url, EXPECTED);
            return null;
        }
        Tls tls = servers.stream().allMatch(server -> HostNames.isThisMachine(server.host()))
                ? Tls.PREFER
                : Tls.VERIFY_FULL;
        String query = parts.group("query");
        for (String each : query == null
                ? List.<String>of()
                : Arrays.asList(query.substring(1).split("&"))) {
            Tls asked = each.startsWith("sslmode=") ? TLS.read().apply(each.substring("sslmode=".length())) : null;
            if (asked == null) {
                reading.mistake(
                        url,
                        each.startsWith("sslmode=")
                                ? "sslmode to be " + TLS.expected()
                                : "a URL with no parameter but sslmode; what can be set stands beside database.url");
                return null;
            }
            tls = asked;
        }
        return new Url(servers, name, tls);
    }

    private static @Nullable List<Server> servers(String text) {
        List<Server> servers = new ArrayList<>();
        for (String each : text.split(",", -1)) {
            Matcher server = SERVER.matcher(each);
            if (!server.matches()) {
                return null;
            }
            int port = server.group(2) == null ? USUAL_PORT : Integer.parseInt(server.group(2));
            if (port < 1 || port > 65_535) {
                return null;
            }
            servers.add(new Server(server.group(1).replaceAll("[\\[\\]]", ""), port));
        }
        return servers;
    }

    private static @Nullable String decoded(String text) {
        try {
            return URLDecoder.decode(text.replace("+", "%2B"), StandardCharsets.UTF_8);
        } catch (IllegalArgumentException e) {
            return null;
        }
    }

    private record Url(List<Server> servers, String name, Tls tls) {}
}
