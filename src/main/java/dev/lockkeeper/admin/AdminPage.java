package dev.lockkeeper.admin;

import dev.lockkeeper.units.Bytes;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import java.util.List;

/** The page that a browser gets on the admin port: what is here. */
final class AdminPage {
    static final String CONTENT_TYPE = "text/html; charset=utf-8";

    static final List<String> ENDPOINTS = List.of(
            "GET /livez",
            "GET /readyz",
            "GET /metrics",
            "GET /admin/v1/keys",
            "POST /admin/v1/keys",
            "POST /admin/v1/keys/{id}/rotate",
            "POST /admin/v1/keys/{id}/revoke",
            "GET /admin/v1/projects",
            "POST /admin/v1/reload");

    private static final String STYLE = """
            body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 3rem auto; padding: 0 1rem;
              color: #1b1f24; background: #fff }
            code, pre { font: 14px/1.5 ui-monospace, monospace; background: #f3f4f6; border-radius: 4px; padding: 0 .25em }
            pre { padding: .75rem 1rem; overflow-x: auto }
            td { padding: .2rem 1rem .2rem 0; vertical-align: top }
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
            <p>This port is for the operator: health, metrics and keys. Clients call the other port.</p>
            <table>
            <tr><td><a href="/livez"><code>/livez</code></a></td><td>the process answers</td></tr>
            <tr><td><a href="/readyz"><code>/readyz</code></a></td><td>calls are welcome; 503 and why when they are not</td></tr>
            <tr><td><a href="/metrics"><code>/metrics</code></a></td><td>counts and times, in Prometheus' format</td></tr>
            <tr><td><code>/admin/v1/keys</code></td><td>GET lists keys, POST makes one; needs the token</td></tr>
            <tr><td><code>/admin/v1/keys/{id}/rotate</code></td><td>POST: a new text, the old one stops; needs the token</td></tr>
            <tr><td><code>/admin/v1/keys/{id}/revoke</code></td><td>POST: ends a key for good; needs the token</td></tr>
            <tr><td><code>/admin/v1/projects</code></td><td>GET lists projects; needs the token</td></tr>
            <tr><td><code>/admin/v1/reload</code></td><td>POST reads the configuration again; needs the token</td></tr>
            </table>
            <p>The token stands in <code>admin-token</code> in the data folder. On the server's machine
            <code>lockkeeper keys</code> finds it by itself; elsewhere:</p>
            <pre>curl -H "Authorization: Bearer $(cat lockkeeper-data/admin-token)" \\
              -H "Content-Type: application/json" -d '{"name":"ci"}' http://127.0.0.1:8081/admin/v1/keys</pre>
            </body>
            </html>
            """;

    static final Bytes BODY = Bytes.utf8(PAGE.replace("{{style}}", STYLE));

    /** The page's own style and nothing else. */
    static final String CONTENT_SECURITY_POLICY = "default-src 'none'; style-src 'sha256-" + sha256(STYLE)
            + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    private AdminPage() {}

    private static String sha256(String text) {
        try {
            return Base64.getEncoder()
                    .encodeToString(MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }
}
