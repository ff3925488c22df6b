package dev.lockkeeper.settings;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.prices.Rate;
import dev.lockkeeper.testing.Pem;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Every kind of mistake, with its text and its place. */
class MistakesTest {
    @TempDir
    Path folder;

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            server: {port: 70000} | 1:16: server.port: 70000 (expected: a whole number, 0 to 65535)
            server: {port: -1} | 1:16: server.port: -1 (expected: a whole number, 0 to 65535)
            server: {port: 80.5} | 1:16: server.port: 80.5 (expected: a whole number, 0 to 65535)
            server: {port: 99999999999999999999} | 1:16: server.port: 99999999999999999999 (expected: a whole number, 0 to 65535)
            server: {port: "x\\ny"} | 1:16: server.port: x\\u000ay (expected: a whole number, 0 to 65535)
            server: {port: ""} | 1:16: server.port: "" (expected: a whole number, 0 to 65535)
            server: {port: [1]} | 1:16: server.port: a list (expected: a whole number, 0 to 65535)
            server: {port: {a: 1}} | 1:16: server.port: a mapping (expected: a whole number, 0 to 65535)
            server: {host: "a b"} | 1:16: server.host: a b (expected: an address or a host name, such as 127.0.0.1, 0.0.0.0 or ::)
            server: {max-head: 64} | 1:20: server.max-head: 64 (expected: a size with its unit, such as 64KiB, 16MiB or 1GiB: 1KiB to 1MiB)
            server: {max-head: 2MiB} | 1:20: server.max-head: 2MiB (expected: a size with its unit, such as 64KiB, 16MiB or 1GiB: 1KiB to 1MiB)
            server: {keep-alive: 30} | 1:22: server.keep-alive: 30 (expected: a duration with its unit, such as 250ms, 30s, 10m or 1h: 1ms to 1h); did you mean 30s?
            server: {keep-alive: 2h} | 1:22: server.keep-alive: 2h (expected: a duration with its unit, such as 250ms, 30s, 10m or 1h: 1ms to 1h)
            server: {keep-alive: 1.5m} | 1:22: server.keep-alive: 1.5m (expected: a duration with its unit, such as 250ms, 30s, 10m or 1h: 1ms to 1h)
            server: {drain: 30} | 1:17: server.drain: 30 (expected: a duration with its unit, such as 250ms, 30s, 10m or 1h: 0s to 1h); did you mean 30s?
            server: {drain: 2h} | 1:17: server.drain: 2h (expected: a duration with its unit, such as 250ms, 30s, 10m or 1h: 0s to 1h)
            server: {drain-delay: 11m} | 1:23: server.drain-delay: 11m (expected: a duration with its unit, such as 250ms, 30s, 10m or 1h: 0s to 10m)
            server: {drain_delay: 1s} | 1:10: server.drain_delay: unknown key; did you mean drain-delay?
            limits: {bytes-in-flight: 0%} | 1:27: limits.bytes-in-flight: 0% (expected: a size with its unit, such as 64KiB, 16MiB or 1GiB: 1MiB to 1TiB; or a share of the heap, such as 25%)
            log: {calls: yes} | 1:14: log.calls: yes (expected: true or false); did you mean true?
            log: {calls: Off} | 1:14: log.calls: Off (expected: true or false); did you mean false?
            log: {level: warning} | 1:14: log.level: warning (expected: error, warn, info or debug); did you mean warn?
            log: {format: jsno} | 1:15: log.format: jsno (expected: text or json); did you mean json?
            log: {format: logfmt} | 1:15: log.format: logfmt (expected: text or json)
            data: [] | 1:7: data: a list (expected: a path)
            database: {url: mysql://db/x} | 1:17: database.url: mysql://db/x (expected: the URL of a PostgreSQL database, such as postgres://db.example.com:5432/lockkeeper)
            database: {url: postgres://db} | 1:17: database.url: postgres://db (expected: the URL of a PostgreSQL database, such as postgres://db.example.com:5432/lockkeeper)
            database: {url: "postgres://db:70000/x"} | 1:17: database.url: postgres://db:70000/x (expected: the URL of a PostgreSQL database, such as postgres://db.example.com:5432/lockkeeper)
            database: {url: "postgres://me:s3cret@db/x"} | 1:17: database.url: postgres://********@db/x (expected: a URL without user and password; write database.user and database.password beside it)
            database: {url: "jdbc:postgresql://db/x?user=me&password=s3cret"} | 1:17: database.url: jdbc:postgresql://db/x?******** (expected: a URL without user and password; write database.user and database.password beside it)
            database: {url: "postgres://db/x?sslmode=always"} | 1:17: database.url: postgres://db/x?******** (expected: sslmode to be disable, prefer, require, verify-ca or verify-full)
            database: {url: "postgres://db/x?currentSchema=y"} | 1:17: database.url: postgres://db/x?******** (expected: a URL with no parameter but sslmode; what can be set stands beside database.url)
            database: {user: me} | 1:18: database.user: me (expected: database.url beside it: without it the store is SQLite)
            database: {password: s3cret} | 1:22: database.password: ******** (expected: database.url beside it: without it the store is SQLite)
            database: {url: postgres://db/x, schema: Gate-Way} | 1:42: database.schema: Gate-Way (expected: a name of small letters, digits and _, at most 63 long, that begins with a letter or _ and not with pg_)
            database: {url: postgres://db/x, connections: 1} | 1:47: database.connections: 1 (expected: a whole number, 2 to 200)
            database: {url: postgres://db/x, start-wait: 2h} | 1:46: database.start-wait: 2h (expected: a duration with its unit, such as 250ms, 30s, 10m or 1h: 0s to 1h)
            database: {url: postgres://db/x, tls: verify} | 1:39: database.tls: verify (expected: disable, prefer, require, verify-ca or verify-full); did you mean verify-ca?
            database: {url: postgres://db/x, ca: no.pem} | 1:38: database.ca: no.pem (expected: a PEM file that can be read; FOLDER/no.pem does not exist)
            database: {url: "postgres://localhost/x", ca: cert.pem} | 1:47: database.ca: cert.pem (expected: database.tls: verify-ca or verify-full beside it; prefer asks nobody)
            ledger: {max-open-holds: 0} | 1:26: ledger.max-open-holds: 0 (expected: a whole number, 1 to 1000000)
            ledger: {min-free-disk: -1MiB} | 1:25: ledger.min-free-disk: -1MiB (expected: a size with its unit, such as 64KiB, 16MiB or 1GiB: 0B to 1TiB)
            ledger: {segment-size: 1KiB} | 1:24: ledger.segment-size: 1KiB (expected: a size with its unit, such as 64KiB, 16MiB or 1GiB: 64KiB to 1GiB)
            ledger: {force-every: 1m} | 1:23: ledger.force-every: 1m (expected: a duration with its unit, such as 250ms, 30s, 10m or 1h: 1ms to 10s)
            ledger: {without-database: maybe} | 1:28: ledger.without-database: maybe (expected: refuse or allow)
            ledger: {force-evry: 50ms} | 1:10: ledger.force-evry: unknown key; did you mean force-every?
            idempotency: {keep-for: 30s} | 1:25: idempotency.keep-for: 30s (expected: a duration with its unit, such as 250ms, 30s, 10m or 1h: 60s to 720h)
            idempotency: {max-answer: 1GiB} | 1:27: idempotency.max-answer: 1GiB (expected: a size with its unit, such as 64KiB, 16MiB or 1GiB: 1KiB to 256MiB)
            idempotency: {max-total: 5} | 1:26: idempotency.max-total: 5 (expected: a size with its unit, such as 64KiB, 16MiB or 1GiB: 0B to 1TiB)
            idempotency: {secret: "\u00fc"} | 1:23: idempotency.secret: ******** (expected: a secret: printable ASCII, at least one character and at most 8192)
            server: 8080 | 1:9: server: a single value (expected: a mapping)
            server: [] | 1:9: server: a list (expected: a mapping)
            server: {cors: {origins: https://a.example.com}} | 1:26: server.cors.origins: a single value (expected: a list, such as [an origin, such as https://app.example.com (no path), or "*"])
            server: {cors: {origins: [https://a.example.com/x]}} | 1:27: server.cors.origins[0]: https://a.example.com/x (expected: an origin, such as https://app.example.com (no path), or "*")
            server: {cors: {origins: [https://a.example.com, ~]}} | 1:50: server.cors.origins[1]: nothing (expected: an origin, such as https://app.example.com (no path), or "*")
            server: {cors: {origins: ["*", https://a.example.com]}} | 1:32: server.cors.origins[1]: https://a.example.com (expected: nothing beside "*", which allows every origin)
            admin: {allowed-hosts: ["a/b"]} | 1:25: admin.allowed-hosts[0]: a/b (expected: an address or a host name, such as 127.0.0.1, 0.0.0.0 or ::)
            server: {port: 8081} | 1:16: server.port: 8081 (expected: another port than admin.port)
            admin: {port: 8080} | 1:15: admin.port: 8080 (expected: another port than server.port)
            server: {tls: {certificate: no.pem, key: no.pem}} | 1:29: server.tls.certificate: no.pem (expected: a PEM file that can be read; FOLDER/no.pem does not exist) & 1:42: server.tls.key: no.pem (expected: a PEM file that can be read; FOLDER/no.pem does not exist)
            server: {tls: {key: key.pem}} | 1:21: server.tls.key: key.pem (expected: tls.certificate beside it)
            server: {tls: {certificate: cert.pem}} | 1:29: server.tls.certificate: cert.pem (expected: tls.key beside it)
            server: {tls: {certificate: cert.pem, key: key.pem}} | 1:44: server.tls.key: key.pem (expected: the key of server.tls.certificate, both whole; FOLDER/key.pem is not the key of FOLDER/cert.pem)
            server: {tls: {certificate: cert.pem, key: half.pem}} | 1:44: server.tls.key: half.pem (expected: the key of server.tls.certificate, both whole; FOLDER/half.pem holds no whole PRIVATE KEY)
            server: {tls: {certificate: cert.pem, key: rsa.pem}} | 1:44: server.tls.key: rsa.pem (expected: a PEM file with a line -----BEGIN PRIVATE KEY-----; another form of key becomes one with: openssl pkcs8 -topk8 -nocrypt)
            server: {trusted-proxies: [10.0.0.1/8]} | 1:28: server.trusted-proxies[0]: 10.0.0.1/8 (expected: an address or a range of addresses, such as 10.0.0.0/8 or 2001:db8::7, or unix); did you mean 10.0.0.0/8?
            server: {trusted-proxies: [localhost]} | 1:28: server.trusted-proxies[0]: localhost (expected: an address or a range of addresses, such as 10.0.0.0/8 or 2001:db8::7, or unix)
            server: {trusted-proxies: 10.0.0.0/8} | 1:27: server.trusted-proxies: a single value (expected: a list, such as [an address or a range of addresses, such as 10.0.0.0/8 or 2001:db8::7, or unix])
            server: {proxy-protocol: true} | 1:26: server.proxy-protocol: true (expected: server.trusted-proxies beside it: only they may begin with such a header)
            server: {forwarded-field: forwarded} | 1:27: server.forwarded-field: forwarded (expected: server.trusted-proxies beside it: only they are believed)
            server: {forwarded-field: x-real-ip, trusted-proxies: [10.0.0.7]} | 1:27: server.forwarded-field: x-real-ip (expected: x-forwarded-for or forwarded)
            log: {client: full} | 1:15: log.client: full (expected: address, network or none)
            server: {unix-socket-mode: 0600} | 1:28: server.unix-socket-mode: 0600 (expected: server.unix-socket beside it)
            server: {unix-socket: a.sock, unix-socket-mode: rw} | 1:49: server.unix-socket-mode: rw (expected: permissions in octal digits, such as 0660)
            server: {unix-socket: ""} | 1:23: server.unix-socket: "" (expected: a path)
            server: {prot: 1} | 1:10: server.prot: unknown key; did you mean port?
            server: {maxHead: 1KiB} | 1:10: server.maxHead: unknown key; did you mean max-head?
            server: {max_head: 1KiB} | 1:10: server.max_head: unknown key; did you mean max-head?
            server: {bind: 127.0.0.1} | 1:10: server.bind: unknown key; did you mean host?
            sever: {port: 1} | 1:1: sever: unknown key; did you mean server?
            stream: {zzz: 1} | 1:10: stream.zzz: unknown key; known here: heartbeat, gather, max-event, resume-for, resume-max, resume-total
            model_list: [] | 1:1: model_list: unknown key; did you mean models?
            server: {port: 1, port: 2} | 1:19: server.port: written twice (first in line 1)
            server: {<<: {port: 1}} | 1:10: server."<<": YAML 1.2 has no merge keys; give a whole mapping an anchor and write key: *anchor
            server: {[a]: 1} | 1:10: server: a list as a key (expected: text)
            server: {port: !secret 1} | 1:16: server.port: tags such as !secret mean nothing here; remove it
            server: {port: "${POTR_X}"} | 1:16: server.port: ${POTR_X} (expected: the environment variable POTR_X to be set, or a default: ${POTR_X:-…}); did you mean ${PORT_X}?
            server: {port: "${ZZZ}"} | 1:16: server.port: ${ZZZ} (expected: the environment variable ZZZ to be set, or a default: ${ZZZ:-…})
            server: {port: "${WORD}"} | 1:16: server.port: ${WORD} (expected: a whole number, 0 to 65535)
            server: {port: "${WORD"} | 1:16: server.port: ${… (expected: a closing brace; for the characters ${ themselves write $${)
            server: {port: "${a b}"} | 1:16: server.port: ${…} (expected: ${NAME}, ${NAME:-default} or ${file:path})
            server: {port: "${file:nofile}"} | 1:16: server.port: ${file:nofile} (expected: a file that exists)
            server: {port: "${file:large}"} | 1:16: server.port: ${file:large} (expected: a file of at most 64KiB)
            server: {port: "${file:latin1}"} | 1:16: server.port: ${file:latin1} (expected: a file of UTF-8 text)
            server: {port: "${file:folder}"} | 1:16: server.port: ${file:folder} (expected: a file that can be read)
            """)
    void aMistakeOfAValueSaysPlaceKeyValueAndExpectation(String yaml, String texts) throws IOException {
        Files.writeString(folder.resolve("cert.pem"), Pem.of("settings.test").certificate());
        Files.writeString(folder.resolve("key.pem"), Pem.of("other.test").key());
        Files.writeString(folder.resolve("half.pem"), "-----BEGIN PRIVATE KEY-----\n");
        Files.writeString(folder.resolve("rsa.pem"), "-----BEGIN RSA PRIVATE KEY-----\n");
        Files.writeString(folder.resolve("large"), "x".repeat(65_537));
        Files.writeString(folder.resolve("latin1"), "ü", StandardCharsets.ISO_8859_1);
        Files.createDirectory(folder.resolve("folder"));

        assertThat(Config.in(folder)
                        .with(Map.of("PORT_X", "1", "WORD", "a-secret-word"))
                        .file(yaml)
                        .mistakes())
                .containsExactly(inFile(texts));
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            base-url: ftp://a.example.com | 2:17: p.base-url: ftp://a.example.com (expected: an http or https URL, such as https://api.openai.com/v1)
            base-url: a.example.com/v1 | 2:17: p.base-url: a.example.com/v1 (expected: an http or https URL, such as https://api.openai.com/v1)
            base-url: "https://a b" | 2:17: p.base-url: https://a b (expected: an http or https URL, such as https://api.openai.com/v1)
            base-url: "https://" | 2:17: p.base-url: https:// (expected: an http or https URL, such as https://api.openai.com/v1)
            base-url: "https://me:pw@a.example.com" | 2:17: p.base-url: https://********@a.example.com (expected: a URL without a user and password; write a key as api-key)
            base-url: "https://a.example.com/v1?key=pw" | 2:17: p.base-url: https://a.example.com/v1?******** (expected: a URL without a query; write parameters as query: {name: value})
            base-url: "https://a.example.com/v1#x" | 2:17: p.base-url: https://a.example.com/v1#******** (expected: a URL without a fragment)
            base-url: https://a_b.example.com/v1 | 2:17: p.base-url: https://a_b.example.com/v1 (expected: a URL with a host whose name has letters, digits, hyphens and dots only)
            base-url: https://a.example.com:70000/v1 | 2:17: p.base-url: https://a.example.com:70000/v1 (expected: a URL with a port, 1 to 65535, or none)
            base-url: https://a.example.com/v1/chat/completions | 2:17: p.base-url: https://a.example.com/v1/chat/completions (expected: the URL below which the API stands, without the endpoint's own path)
            base-url: https://api.openai.com/ | 2:17: p.base-url: https://api.openai.com/ (expected: the URL below which the API stands); did you mean https://api.openai.com/v1?
            base-url: http://127.0.0.1:8000/v1 | 2:17: p.base-url: http://127.0.0.1:8000/v1 (expected: a public address, or private-addresses: true beside it, since 127.0.0.1 is private)
            base-url: http://localhost/v1 | 2:17: p.base-url: http://localhost/v1 (expected: a public address, or private-addresses: true beside it, since localhost is private)
            base-url: "http://[fd00::1]/v1" | 2:17: p.base-url: http://[fd00::1]/v1 (expected: a public address, or private-addresses: true beside it, since fd00::1 is private)
            url: https://a.example.com/v1 | 2:3: p.base-url: missing; write base-url: https://…/v1 & 2:7: p.url: unknown key; did you mean base-url?
            """)
    void aMistakeOfABaseUrlSaysWhatToWrite(String line, String texts) {
        String yaml = "providers:\n  p: {" + line + ", auth: none}\nmodels: {m: p}\n";

        assertThat(Config.in(folder).file(yaml).mistakes())
                .containsExactly(inFile(texts.replace(": p.", ": providers.p.")));
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            auth: bearer | 2:3: p.api-key: missing; write api-key: ${SOME_VARIABLE}, or auth: none if the server asks for no key
            api-key: | 2:3: p.api-key: missing; write api-key: ${SOME_VARIABLE}, or auth: none if the server asks for no key
            api-key: "" | 3:14: p.api-key: ******** (expected: a secret: printable ASCII, at least one character and at most 8192)
            api-key: "top\\nsecret" | 3:14: p.api-key: ******** (expected: a secret: printable ASCII, at least one character and at most 8192)
            api-key: "top secret " | 3:14: p.api-key: ******** (expected: a secret: printable ASCII, at least one character and at most 8192)
            api-key: [top-secret] | 3:14: p.api-key: a list (expected: a secret: printable ASCII, at least one character and at most 8192)
            api-key: ${NOT_SET} | 3:14: p.api-key: ${NOT_SET} (expected: the environment variable NOT_SET to be set, or a default: ${NOT_SET:-…})
            {auth: none, api-key: top-secret} | 3:27: p.api-key: ******** (expected: no key, since auth is none)
            {auth: basic, api-key: top-secret} | 3:12: p.auth: basic (expected: bearer, api-key or none)
            {apikey: top-secret} | 2:3: p.api-key: missing; write api-key: ${SOME_VARIABLE}, or auth: none if the server asks for no key & 3:6: p.apikey: unknown key; did you mean api-key?
            {token: top-secret} | 2:3: p.api-key: missing; write api-key: ${SOME_VARIABLE}, or auth: none if the server asks for no key & 3:6: p.token: unknown key; did you mean api-key?
            {auth: none, headers: {Host: top-secret}} | 3:34: p.headers.Host: ******** (expected: no host here: the gateway sets it itself)
            {auth: none, headers: {"a b": top-secret}} | 3:35: p.headers."a b": ******** (expected: a header field's name of letters, digits and hyphens)
            {auth: none, headers: {a: 1, A: top-secret}} | 3:37: p.headers.A: ******** (expected: each header field once, in capitals or not)
            {auth: none, headers: {a: "top\\rsecret"}} | 3:31: p.headers.a: ******** (expected: a secret: printable ASCII, at least one character and at most 8192)
            {auth: none, query: {a: ""}} | 3:29: p.query.a: ******** (expected: text without control characters, at most 8192 of them)
            {api-key: k, headers: {Authorization: top-secret}} | 3:43: p.headers.Authorization: ******** (expected: no authorization here: api-key makes it. Write auth: none to make it yourself)
            {auth: api-key, api-key: k, headers: {api-key: top-secret}} | 3:52: p.headers.api-key: ******** (expected: no api-key here: api-key makes it. Write auth: none to make it yourself)
            {auth: none, http: 3} | 3:24: p.http: 3 (expected: auto, 1.1 or 2)
            {auth: none, pool: {connections: 0}} | 3:38: p.pool.connections: 0 (expected: a whole number, 1 to 100000)
            {auth: none, timeouts: {idle: 11m}} | 3:35: p.timeouts.idle: 11m (expected: at most timeouts.total, which is 10m)
            {auth: none, timeouts: {first-byte: 2m, total: 90s}} | 3:41: p.timeouts.first-byte: 2m (expected: at most timeouts.total, which is 90s)
            {auth: none, private-addresses: maybe} | 3:37: p.private-addresses: maybe (expected: true or false)
            """)
    void aMistakeOfAProviderNeverShowsASecret(String line, String texts) {
        String inside = line.startsWith("{") ? line.substring(1, line.length() - 1) : line;
        String yaml = "providers:\n  p:\n    " + (line.startsWith("{") ? "{" + inside + ", " : line + "\n    ")
                + "base-url: https://a.example.com/v1" + (line.startsWith("{") ? "}" : "") + "\nmodels: {m: p}\n";

        List<String> mistakes = Config.in(folder).file(yaml).mistakes();

        assertThat(mistakes).containsExactly(inFile(texts.replace(": p.", ": providers.p.")));
        assertThat(mistakes.toString()).doesNotContain("secret-").doesNotContain("top");
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            m: nobody | 3:6: models.m[0]: nobody (expected: a provider that is written, and a model of it: p)
            gpt-5.5: pp | 3:12: models."gpt-5.5"[0]: pp (expected: a provider that is written, and a model of it: p)
            m: [p, p/m] | 3:10: models.m[1]: p/m (expected: each target once; the second is never reached)
            m: [] | 3:6: models.m: missing; write who serves it: targets: [p/m]
            m: | 3:3: models.m: missing; write who serves it: targets: [p/m]
            m: {profile: auto} | 3:3: models.m: missing; write who serves it: targets: [p/m]
            m: /x | 3:6: models.m[0]: /x (expected: provider/model)
            m: p/ | 3:6: models.m[0]: p/ (expected: provider/model)
            m: [{provider: p}] | 3:7: models.m[0]: a mapping (expected: provider/model)
            m: {targets: p} | 3:16: models.m: a single value (expected: a list, such as [provider/model])
            m: {targets: [p], profile: exakt} | 3:30: models.m!profile: exakt (expected: auto, reasoning, sampling or exact); did you mean exact?
            m: {targets: [p], context: 0} | 3:30: models.m!context: 0 (expected: a whole number, 1 to 1000000000)
            m: {targets: [p], context: 5, max-output: 6} | 3:45: models.m!max-output: 6 (expected: at most context, which is 5)
            m: {targets: [p], provider: p} | 3:21: models.m!provider: unknown key; did you mean targets: [provider/model]?
            "ü": p | 3:3: models."ü"!: ü (expected: a name of printable ASCII, 1 to 256 characters)
            """)
    void aMistakeOfAModelSaysWhoIsMeant(String line, String texts) {
        String yaml = "providers: {p: {base-url: https://a.example.com/v1, auth: none}}\nmodels:\n  " + line + "\n";
        String targets = texts.contains("!")
                ? texts.replace("!:", ":").replace('!', '.')
                : texts.replaceFirst("(models\\.(m|\"gpt-5.5\"))", "$1.targets");

        assertThat(Config.in(folder).file(yaml).mistakes()).containsExactly(inFile(targets));
    }

    @Test
    void theNameOfAProviderIsSmallLetters() {
        assertThat(Config.in(folder).file("""
                                providers:
                                  Open_AI: {base-url: https://a.example.com/v1, auth: none}
                                models: {m: Open_AI}
                                """).mistakes())
                .containsExactly("lockkeeper.yaml:2:3: providers.Open_AI: Open_AI (expected: a name of small letters,"
                        + " digits and hyphens, at most 63)");
    }

    @Test
    void providersWithoutModelsAreAMistake() {
        assertThat(Config.in(folder)
                        .file("\nproviders: {p: {base-url: https://a.example.com/v1, auth: none}}\nmodels: {}\n")
                        .mistakes())
                .containsExactly("lockkeeper.yaml:3:1: models: missing; write at least one, such as gpt-5.5: p");
        assertThat(Config.in(folder)
                        .file("providers: {p: {base-url: https://a.example.com/v1, auth: none}}\n")
                        .mistakes())
                .containsExactly("lockkeeper.yaml:1:1: models: missing; write at least one, such as gpt-5.5: p");
    }

    @Test
    void aNameWithALineBreakIsToldOnOneLine() {
        assertThat(Config.in(folder).file("""
                                models:
                                  "a\\nb": []
                                """).mistakes())
                .containsExactly(
                        "lockkeeper.yaml:2:3: models.\"a\\u000ab\": a\\u000ab (expected: a name of printable ASCII, 1 to 256"
                                + " characters)",
                        "lockkeeper.yaml:2:11: models.\"a\\u000ab\".targets: missing; write who serves it: targets:"
                                + " [simulator/a\\u000ab]");
    }

    @Test
    void whatIsProposedForATargetDoesNotTellAVariable() {
        assertThat(Config.in(folder).with(Map.of("MODEL", "hidden")).file("""
                                providers: {azure: {base-url: https://a.example.com/v1, auth: none}}
                                models: {m: "azur/${MODEL}"}
                                """).mistakes())
                .containsExactly(
                        "lockkeeper.yaml:2:13: models.m.targets[0]: azur/${MODEL} (expected: a provider that is"
                                + " written, and a model of it: azure); did you mean azure/${MODEL}?");
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            api-key: a, keys: [b] | 1:65: providers.a.keys: either api-key or keys, not both
            auth: none, keys: [b] | 1:65: providers.a.keys: no keys, since auth is none
            keys: [] | 1:53: providers.a.keys: at least one key
            keys: [{name: x, key: a}, {name: x, key: b}] | 1:86: providers.a.keys[1].name: x (expected: a name that no key before it has)
            keys: [{name: key-2, key: a}, b] | 1:83: providers.a.keys[1].name: a name that no key before it has
            keys: [{key: a, weight: 0}, {key: b, weight: 0}] | 1:53: providers.a.keys: a weight of more than 0 for one of them
            keys: [{key: a, weight: -1}] | 1:77: providers.a.keys[0].weight: -1 (expected: a whole number, 0 to 1000000)
            keys: [{name: A, key: a}] | 1:67: providers.a.keys[0].name: A (expected: a name of small letters, digits and hyphens, at most 63)
            keys: [{name: x}] | 1:60: providers.a.keys[0].key: missing; write key: ${SOME_VARIABLE}
            keys: [{nam: x, key: a}] | 1:61: providers.a.keys[0].nam: unknown key; did you mean name?
            auth: none, region: [EU] | 1:74: providers.a.region[0]: EU (expected: a label of small letters, digits and hyphens, at most 63, such as eu)
            auth: none, region: {a: b} | 1:73: providers.a.region: a mapping (expected: a list, such as [a label of small letters, digits and hyphens, at most 63, such as eu])
            auth: none, prefill: prefx | 1:74: providers.a.prefill: prefx (expected: none, prefix or continue-final-message); did you mean prefix?
            auth: none, timeouts: {first-token: 11m} | 1:89: providers.a.timeouts.first-token: 11m (expected: at most timeouts.total, which is 10m)
            auth: none, breaker: {failures: 0%} | 1:85: providers.a.breaker.failures: 0% (expected: a share in whole percent, such as 20%: 1% to 100%)
            auth: none, breaker: {failures: 50} | 1:85: providers.a.breaker.failures: 50 (expected: a share in whole percent, such as 20%: 1% to 100%); did you mean 50%?
            auth: none, breaker: {probes: 0} | 1:83: providers.a.breaker.probes: 0 (expected: a whole number, 1 to 1000)
            auth: none, breaker: {windw: 3s} | 1:75: providers.a.breaker.windw: unknown key; did you mean window?
            auth: none, breaker: off | 1:74: providers.a.breaker: a single value (expected: a mapping)
            auth: none, concurrency: {min: 9, max: 8} | 1:84: providers.a.concurrency.min: 9 (expected: at most concurrency.max, which is 8)
            auth: none, concurrency: {queue: 9} | 1:65: providers.a.concurrency.max: missing; write concurrency: {max: 200}, or take concurrency away
            auth: none, retry-budget: 101% | 1:79: providers.a.retry-budget: 101% (expected: a share in whole percent, such as 20%: 0% to 100%)
            auth: none, probe: 10ms | 1:72: providers.a.probe: 10ms (expected: a duration with its unit, such as 250ms, 30s, 10m or 1h: 1s to 1h)
            """)
    void whatIsWrongWithAProvidersKeysAndHealthIsToldWithItsPlace(String wrong, String mistake) {
        assertThat(Config.in(folder)
                        .file("providers: {a: {base-url: https://a.example.com/v1, " + wrong + "}}\nmodels: {m: a}")
                        .mistakes())
                .containsExactly("lockkeeper.yaml:" + mistake);
    }

    @Test
    void theSimulatorHasNoAddress() {
        assertThat(Config.in(folder)
                        .file(
                                "providers: {simulator: {base-url: http://127.0.0.1:9/v1, api-key: x}}\nmodels: {m: simulator}")
                        .mistakes())
                .containsExactly(
                        "lockkeeper.yaml:1:25: providers.simulator.base-url: the provider called simulator lives in this"
                                + " process; give a server of your own another name",
                        "lockkeeper.yaml:1:58: providers.simulator.api-key: unknown key; known here: timeouts, http,"
                                + " pool, region, prefill, breaker, concurrency, retry-budget, probe");
    }

    @Test
    void aProviderOfNearlyThatNameIsProposed() {
        assertThat(Config.in(folder).file("""
                                providers: {azure: {base-url: https://a.example.com/v1, auth: none}}
                                models: {gpt-5.5: azrue, m: [azure, azur/x]}
                                """).mistakes())
                .containsExactly(
                        "lockkeeper.yaml:2:19: models.\"gpt-5.5\".targets[0]: azrue (expected: a provider that is"
                                + " written, and a model of it: azure); did you mean azure/gpt-5.5?",
                        "lockkeeper.yaml:2:37: models.m.targets[1]: azur/x (expected: a provider that is written, and a"
                                + " model of it: azure); did you mean azure/x?");
    }

    @Test
    void aModelAtOpenAiWithoutAKeyIsTold() {
        assertThat(Config.in(folder).file("models: {m: openai}").mistakes())
                .containsExactly("lockkeeper.yaml:1:13: models.m.targets[0]: openai (expected: a provider that is"
                        + " written, and a model of it: simulator)");
    }

    @Test
    void allMistakesAreToldAtOnceInTheOrderOfTheFile() {
        assertThat(Config.in(folder)
                        .with(Map.of("LOCKKEEPER_ADMIN_PORT", "many"))
                        .with(new Overrides("", 65536, null, null))
                        .file("""
                                server:
                                  port: eighty
                                  tls: {}
                                  tsl: {}
                                stream: {heartbeat: 15}
                                providers:
                                  a: {base-url: nonsense, api-key: "${NOPE}"}
                                  b: {base-url: https://b.example.com/v1, auth: none, timeouts: {conect: 1s}}
                                models:
                                  m: [a, c/x]
                                  n: {targets: [b], profile: exakt}
                                """)
                        .mistakes())
                .containsExactly(
                        "lockkeeper.yaml:2:9: server.port: eighty (expected: a whole number, 0 to 65535)",
                        "lockkeeper.yaml:4:3: server.tsl: unknown key; did you mean tls?",
                        "lockkeeper.yaml:5:21: stream.heartbeat: 15 (expected: a duration with its unit, such as"
                                + " 250ms, 30s, 10m or 1h: 0s to 10m); did you mean 15s?",
                        "lockkeeper.yaml:7:17: providers.a.base-url: nonsense (expected: an http or https URL, such as"
                                + " https://api.openai.com/v1)",
                        "lockkeeper.yaml:7:36: providers.a.api-key: ${NOPE} (expected: the environment variable NOPE"
                                + " to be set, or a default: ${NOPE:-…})",
                        "lockkeeper.yaml:8:66: providers.b.timeouts.conect: unknown key; did you mean connect?",
                        "lockkeeper.yaml:10:10: models.m.targets[1]: c/x (expected: a provider that is written, and a"
                                + " model of it: a, b)",
                        "lockkeeper.yaml:11:30: models.n.profile: exakt (expected: auto, reasoning, sampling or"
                                + " exact); did you mean exact?",
                        "--port: server.port: 65536 (expected: a whole number, 0 to 65535)",
                        "LOCKKEEPER_ADMIN_PORT: admin.port: many (expected: a whole number, 0 to 65535)");
    }

    @Test
    void aMistakeInTheEnvironmentNamesTheVariable() {
        assertThat(Config.in(folder)
                        .with(Map.of("OPENAI_API_KEY", "sk-secret\n", "OPENAI_BASE_URL", "https://api.openai.com"))
                        .mistakes())
                .containsExactly(
                        "OPENAI_BASE_URL: providers.openai.base-url: https://api.openai.com (expected: the URL below"
                                + " which the API stands); did you mean https://api.openai.com/v1?",
                        "OPENAI_API_KEY: providers.openai.api-key: ******** (expected: a secret: printable ASCII, at"
                                + " least one character and at most 8192)");
    }

    @Test
    void aFileThatIsNotThereIsAMistake() {
        assertThat(Config.texts(Config.in(folder).load(Path.of("etc/none.yaml"))))
                .containsExactly("etc/none.yaml: there is no such file");
        assertThat(Config.in(folder)
                        .with(Map.of("LOCKKEEPER_CONFIG", "none.yaml"))
                        .mistakes())
                .containsExactly("none.yaml: there is no such file");
        assertThat(Config.in(folder).with(Map.of("LOCKKEEPER_CONFIG", "a\0b")).mistakes())
                .containsExactly("LOCKKEEPER_CONFIG: not a path");
        assertThat(Config.texts(Config.in(folder).load(folder))).containsExactly(folder + ": a folder, not a file");
    }

    @Test
    void aSecretInAWrongPlaceIsMaskedToo() {
        assertThat(Config.in(folder)
                        .file(
                                "server: {host: \"Bearer abcdefgh\", port: sk-abcdefghijklmnop}\nadmin: {host: \"a sk-proj-abcdefgh b\"}")
                        .mistakes())
                .containsExactly(
                        "lockkeeper.yaml:1:16: server.host: ******** (expected: an address or a host name, such as"
                                + " 127.0.0.1, 0.0.0.0 or ::)",
                        "lockkeeper.yaml:1:41: server.port: ******** (expected: a whole number, 0 to 65535)",
                        "lockkeeper.yaml:2:15: admin.host: a ******** b (expected: an address or a host name, such as"
                                + " 127.0.0.1, 0.0.0.0 or ::)");
    }

    @Test
    void aLongValueIsCut() {
        assertThat(Config.in(folder)
                        .file("log: {level: " + "x".repeat(1000) + "}")
                        .mistakes())
                .containsExactly("lockkeeper.yaml:1:14: log.level: " + "x".repeat(120)
                        + "… (expected: error, warn, info or debug)");
    }

    private String[] inFile(String texts) {
        return List.of(texts.replace("FOLDER", folder.toString()).split(" & ")).stream()
                .map(text -> "lockkeeper.yaml:" + text)
                .toArray(String[]::new);
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            {unpriced: allow} | 3:20: prices.unpriced: allow (expected: refuse, or a price such as {input: $10, output: $50})
            {unpriced: refuze} | 3:20: prices.unpriced: refuze (expected: refuse, or a price such as {input: $10, output: $50}); did you mean refuse?
            {unpriced: []} | 3:20: prices.unpriced: a list (expected: a mapping)
            {unpriced: {input: $1}} | 3:10: prices.unpriced: not a whole price; write at least input and output, such as {input: $2.50, output: $10}
            {unpriced: {input: $1, output: $1, batch: 50%}} | 3:44: prices.unpriced.batch: unknown key; known here: ALL_RATES
            {unpriced: {input: -$1, output: $1}} | 3:28: prices.unpriced.input: -$1 (expected: dollars with at most 9 decimals, such as $2.50: $0 to $1000 a million)
            {unpriced: {input: 1.25, output: $1}} | 3:28: prices.unpriced.input: 1.25 (expected: dollars with at most 9 decimals, such as $2.50: $0 to $1000 a million); did you mean $1.25?
            {unpriced: {input: $0.0000000001, output: $1}} | 3:28: prices.unpriced.input: $0.0000000001 (expected: dollars with at most 9 decimals, such as $2.50: $0 to $1000 a million)
            {unpriced: {input: $1001, output: $1}} | 3:28: prices.unpriced.input: $1001 (expected: dollars with at most 9 decimals, such as $2.50: $0 to $1000 a million)
            {unpriced: {request: $101}} | 3:30: prices.unpriced.request: $101 (expected: dollars with at most 9 decimals, such as $2.50: $0 to $100 each)
            {providers: {q: {}}} | 3:22: prices.providers.q: q (expected: a provider that is written: p)
            {providers: {p: {fees: {web_search: $1}}}} | 3:33: prices.providers.p.fees.web_search: unknown key; did you mean web-search?
            {providers: {p: {models: {m: {input: $1, outptu: $2}}}}} | 3:35: prices.providers.p.models.m: not a whole price; write at least input and output, such as {input: $2.50, output: $10} & 3:50: prices.providers.p.models.m.outptu: unknown key; did you mean output?
            {providers: {p: {models: {m: {input: $1, output: $2, valid-from: 2026-13-01}}}}} | 3:74: prices.providers.p.models.m.valid-from: 2026-13-01 (expected: a day, such as 2026-12-01; it begins at midnight UTC)
            {providers: {p: {models: {m: {input: $1, output: $2, valid-from: 2026-12-01, valid-until: 2026-12-01}}}}} | 3:99: prices.providers.p.models.m.valid-until: 2026-12-01 (expected: a day after valid-from, or this price never holds)
            {providers: {p: {models: {m: [{input: $1, output: $2}, {input: $3, output: $4}]}}}} | 3:64: prices.providers.p.models.m[1].valid-from: missing; of several prices of m only one may hold ever since
            {providers: {p: {models: {m: [{input: $1, output: $2, valid-from: 2026-12-01}, {input: $3, output: $4, valid-from: 2026-12-01}]}}}} | 3:88: prices.providers.p.models.m[1].valid-from: 2026-12-01 (expected: each day once; the price before it would never hold)
            {providers: {p: {models: {m: [{input: $1, output: $2, valid-from: 2026-12-01}, {input: $3, output: $4, valid-from: 2026-01-01}]}}}} | 3:88: prices.providers.p.models.m[1].valid-until: missing; this price begins before that of 2026-12-01, which stands above it: write the first day on which it held no more, a later valid-from, or the prices in the order of their days
            {providers: {p: {models: {m: [{input: $1, output: $2, valid-from: 2026-12-01}, {input: $3, output: $4}]}}}} | 3:88: prices.providers.p.models.m[1].valid-until: missing; this price begins before that of 2026-12-01, which stands above it: write the first day on which it held no more, a later valid-from, or the prices in the order of their days
            {providers: {p: {models: {m: {input: $1, output: $2, long: {input: $2}}}}}} | 3:62: prices.providers.p.models.m.long.over: missing; write from how many tokens on
            {providers: {p: {models: {m: {input: $1, output: $2, flex: 0.5}}}}} | 3:68: prices.providers.p.models.m.flex.share: 0.5 (expected: a share of the usual price in whole percent, such as 50%: 0% to 1000%)
            {providers: {p: {models: {m: {input: $1, output: $2, flex: 50}}}}} | 3:68: prices.providers.p.models.m.flex.share: 50 (expected: a share of the usual price in whole percent, such as 50%: 0% to 1000%); did you mean 50%?
            {providers: {p: {models: {m: {like: gpt-5.55}}}}} | 3:45: prices.providers.p.models.m.like: gpt-5.55 (expected: a model that the catalogue has a price of ('lockkeeper prices list --all' shows them)); did you mean gpt-5.5?
            {providers: {p: {models: {m: {like: gpt-5.5, input: $1}}}}} | 3:35: prices.providers.p.models.m: like stands alone; with it write no other price
            {providers: {p: {models: {m: {input: $1000, output: $1, priority: 900%}}}}} | 3:1: prices: input comes to 9000000000000 nano-dollars (expected: 0 to 8000000000000 in any tariff)
            """)
    void aPriceThatCanNotBe(String prices, String expected) {
        String all = Arrays.stream(Rate.values())
                .filter(rate -> !rate.isFee())
                .map(Rate::key)
                .collect(Collectors.joining(", "));
        assertThat(Config.in(folder)
                        .file("providers: {p: {base-url: https://p.example.com, auth: none}}\nmodels: {m: p}\nprices: "
                                + prices + "\n")
                        .mistakes())
                .containsExactly(inFile(expected.replace("ALL_RATES", all)));
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            {webhook: {url: "ftp://h.example.com", secret: s}} | 3:25: alerts.webhook.url: ftp://h.example.com (expected: an http or https URL, such as https://hooks.example.com/lockkeeper)
            {webhook: {url: "https://h.example.com"}} | 3:10: alerts.webhook.secret: missing; write secret: ${SOME_VARIABLE}, by which the receiver knows who sends
            {webhook: {secret: s}} | 3:28: alerts.webhook.secret: ******** (expected: alerts.webhook.url beside it: without it nothing is sent)
            {webhook: {url: "http://127.0.0.1/x", secret: s}} | 3:25: alerts.webhook.url: http://127.0.0.1/x (expected: a public address, or private-addresses: true beside it, since 127.0.0.1 is private)
            {webhook: {url: "http://[fd00::1]/x", secret: s}} | 3:25: alerts.webhook.url: http://[fd00::1]/x (expected: a public address, or private-addresses: true beside it, since fd00::1 is private)
            {webhok: {}} | 3:10: alerts.webhok: unknown key; did you mean webhook?
            """)
    void aReceiverOfAlertsThatCanNotBe(String alerts, String expected) {
        assertThat(Config.in(folder)
                        .file("providers: {p: {base-url: https://p.example.com, auth: none}}\nmodels: {m: p}\nalerts: "
                                + alerts + "\n")
                        .mistakes())
                .containsExactly(inFile(expected));
    }

    @Test
    void aSecretOfAlertsThatCanBeGuessedIsToldButNoMistake() {
        assertThat(Config.in(folder).file("""
                                providers: {p: {base-url: https://p.example.com, auth: none}}
                                models: {m: p}
                                alerts: {webhook: {url: "https://h.example.com/x", secret: short}}
                                """).good().notes())
                .singleElement()
                .asString()
                .startsWith("alerts.webhook.secret is shorter than 32 characters")
                .doesNotContain("short:");
    }

    @Test
    void aPriceInThePastThatTellsItsEndIsNoMistakeWhereverItStands() {
        assertThat(Config.in(folder).file("""
                                providers: {p: {base-url: https://p.example.com, auth: none}}
                                models: {m: p}
                                prices:
                                  providers:
                                    p:
                                      models:
                                        m:
                                          - {input: $1, output: $2}
                                          - {valid-from: 2026-10-01, input: $3, output: $4}
                                          - {valid-from: 2026-03-01, valid-until: 2026-04-01, input: $0.50, output: $1}
                                          - {valid-from: 2027-01-01, input: $5, output: $6}
                                """).good().notes()).isEmpty();
    }

    @Test
    void aPriceOfWhatNoModelHasAsATargetIsToldButNoMistake() {
        assertThat(Config.in(folder).file("""
                                providers: {p: {base-url: https://p.example.com, auth: none}}
                                models: {m: p}
                                prices: {providers: {p: {models: {mm: {input: $1, output: $2}, "*": {request: $1}}}}}
                                """).good().notes())
                .containsExactly("prices: p/mm has a price, but no model has it as a target.");
    }
}
