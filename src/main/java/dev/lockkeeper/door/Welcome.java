package dev.lockkeeper.door;

import dev.lockkeeper.units.Bytes;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import java.util.List;

/**
 * The page that a browser gets: what this is and how to call it. One document without script and without anything to
 * load. Any thread.
 */
final class Welcome {
    /** Content type of the page. */
    static final String CONTENT_TYPE = "text/html; charset=utf-8";

    /** Models shown at most; the rest is counted. */
    static final int MODELS_SHOWN = 60;

    private static final String STYLE = Resource.text("welcome.css").strip();
    private static final String PAGE = Resource.text("welcome.html").replace("{{style}}", STYLE);
    private static final String EXAMPLE_MODEL = "gpt-5.5";

    /** Value of {@code content-security-policy} for the page: its own style, its own icon, nothing else. */
    static final String CONTENT_SECURITY_POLICY = "default-src 'none'; style-src 'sha256-" + sha256(STYLE)
            + "'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    private Welcome() {}

    /**
     * The page.
     *
     * @param origin scheme, host and port as the browser wrote them, such as {@code http://127.0.0.1:8080}; whatever
     *     stands in it is shown as text
     * @param models what can be asked for, chat models first
     * @param path the path that was opened, as it came, to be told on the page; empty: nothing is told
     * @param known whether there is an endpoint at that path
     */
    static Bytes html(String origin, List<String> models, String path, boolean known) {
        String model = models.isEmpty() ? EXAMPLE_MODEL : models.getFirst();
        // One pass: a value that looks like a placeholder stays what it is.
        StringBuilder page = new StringBuilder(PAGE.length() + 4_096);
        int from = 0;
        for (int open = PAGE.indexOf("{{"); open >= 0; open = PAGE.indexOf("{{", from)) {
            int close = PAGE.indexOf("}}", open);
            page.append(PAGE, from, open);
            switch (PAGE.substring(open + 2, close)) {
                case "origin" -> page.append(escape(origin));
                case "model" -> page.append(escape(model));
                case "models" -> page.append(list(models));
                case "here" -> page.append(here(path, known));
                default -> throw new IllegalStateException("welcome.html: unknown placeholder at " + open);
            }
            from = close + 2;
        }
        return Bytes.utf8(page.append(PAGE, from, PAGE.length()).toString());
    }

    private static String here(String path, boolean known) {
        if (path.isEmpty()) {
            return "";
        }
        String shown = "<code>" + escape(path) + "</code>";
        return "<p class=\"here\">"
                + (known
                        ? "You opened " + shown
                                + " in a browser. It is for programs, which send a key along; a first call is shown below."
                        : "There is nothing at " + shown + ". What there is stands below.")
                + "</p>";
    }

    private static String list(List<String> models) {
        if (models.isEmpty()) {
            return "<p>None are configured.</p>";
        }
        StringBuilder html = new StringBuilder("<ul class=\"models\">\n");
        for (String each : models.subList(0, Math.min(models.size(), MODELS_SHOWN))) {
            html.append("<li><code>").append(escape(each)).append("</code></li>\n");
        }
        if (models.size() > MODELS_SHOWN) {
            html.append("<li>and ").append(models.size() - MODELS_SHOWN).append(" more</li>\n");
        }
        return html.append("</ul>").toString();
    }

    private static String escape(String text) {
        StringBuilder escaped = new StringBuilder(text.length() + 16);
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            switch (c) {
                case '&' -> escaped.append("&amp;");
                case '<' -> escaped.append("&lt;");
                case '>' -> escaped.append("&gt;");
                case '"' -> escaped.append("&quot;");
                case '\'' -> escaped.append("&#39;");
                default -> escaped.append(c);
            }
        }
        return escaped.toString();
    }

    private static String sha256(String text) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
            return Base64.getEncoder().encodeToString(digest);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}
