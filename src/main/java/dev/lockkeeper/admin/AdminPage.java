package dev.lockkeeper.admin;

import dev.lockkeeper.units.Bytes;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The page that a browser gets on the admin port: what is here. */
final class AdminPage {
    static final String CONTENT_TYPE = "text/html; charset=utf-8";

    private static final List<String> OPEN = List.of("GET /livez", "GET /readyz", "GET /metrics");

    static final String STYLE = """
            body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 3rem auto; padding: 0 1rem;
              color: #1b1f24; background: #fff }
            code, pre { font: 14px/1.5 ui-monospace, monospace; background: #f3f4f6; border-radius: 4px; padding: 0 .25em }
            pre { padding: .75rem 1rem; white-space: pre-wrap; overflow-wrap: anywhere }
            pre:empty { display: none }
            td { padding: .2rem 1rem .2rem 0; vertical-align: top }
            td code { white-space: nowrap }
            a { color: #0a58ca }
            @media (prefers-color-scheme: dark) {
              body { color: #e6e6e6; background: #16181c } code, pre { background: #23262c } a { color: #7ab0ff } }
            """;

    private static final String PAGE = """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>Lockkeeper, admin port</title>
            <style>{{style}}</style>
            </head>
            <body>
            <h1>Lockkeeper, admin port</h1>
            <p>This port is for the operator: health, metrics, and the admin API, described in <code>/admin/v1/openapi.json</code>. Clients call the other port.</p>
            <table>
            <tr><td><a href="/livez"><code>/livez</code></a></td><td>the process answers</td></tr>
            <tr><td><a href="/readyz"><code>/readyz</code></a></td><td>calls are welcome; 503 and why when they are not</td></tr>
            <tr><td><a href="/metrics"><code>/metrics</code></a></td><td>counts and times, in Prometheus' format</td></tr>
            {{operations}}
            </table>
            <p>All below <code>/admin</code> needs a token. The owner's stands in <code>admin-token</code> in the data folder. On the server's machine
            <code>lockkeeper keys</code> finds it by itself; elsewhere:</p>
            <pre>curl http://127.0.0.1:8081/admin/v1/keys \\
              -H "Authorization: Bearer $(cat lockkeeper-data/admin-token)" \\
              -H "Content-Type: application/json" -d '{"name":"ci"}'</pre>
            </body>
            </html>
            """;

    private AdminPage() {}

    /** What is here, a line each. */
    static List<String> endpoints(List<Operation> operations) {
        return Stream.concat(OPEN.stream(), operations.stream().map(each -> each.method() + " " + each.path()))
                .toList();
    }

    /** The page. Summaries and paths are this program's own text and need no escaping. */
    static Bytes of(List<Operation> operations) {
        String rows = operations.stream()
                .map(each -> "<tr><td><code>" + each.method() + " " + each.path() + "</code></td><td>" + each.summary()
                        + "</td></tr>")
                .collect(Collectors.joining("\n"));
        return Bytes.utf8(PAGE.replace("{{style}}", STYLE).replace("{{operations}}", rows));
    }

    /** The page's own style, what else is said, and nothing more. */
    static String policy(String more) {
        return policy(STYLE, more);
    }

    /** The same for a page with another style. */
    static String policy(String style, String more) {
        return "default-src 'none'; style-src 'sha256-" + sha256(style) + "'; " + more
                + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    }

    static String sha256(String text) {
        try {
            return Base64.getEncoder()
                    .encodeToString(MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }
}
