package dev.lockkeeper.admin;

import dev.lockkeeper.units.Bytes;

/** The page that an invitation's link leads to: it accepts the invitation and shows the token, once. */
final class InvitationPage {
    static final String PATH = "/invitation";

    private static final String SCRIPT = """
            const button = document.querySelector('button'), told = document.querySelector('pre');
            button.onclick = async () => {
              button.disabled = true;
              try {
                const answer = await fetch('/admin/v1/invitations/accept', {
                  method: 'POST', headers: { 'content-type': 'application/json' },
                  body: JSON.stringify({ invitation: location.hash.slice(1) }) });
                const said = await answer.json();
                told.textContent = answer.ok ? said.token.token : said.error.message;
                document.querySelector('#next').hidden = !answer.ok;
                if (answer.ok) history.replaceState(null, '', location.pathname);
                else button.disabled = answer.status < 500;
              } catch {
                told.textContent = 'The server did not answer. Try again; if the link was used up meanwhile, ask for another.';
                button.disabled = false;
              }
            };
            """;

    private static final String PAGE = """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>Lockkeeper, invitation</title>
            <style>{{style}}</style>
            </head>
            <body>
            <h1>You are invited</h1>
            <p>Accepting makes you one of those who operate this gateway. Your admin token is shown here, this once: keep it
            like a password. The link can't be used again.</p>
            <p><button>Accept</button></p>
            <pre></pre>
            <p id="next" hidden>It works for 90 days, as <code>Authorization: Bearer</code> and the token, on this port:
            <code>/admin/v1/openapi.json</code> describes what is here.</p>
            <noscript><p>Without scripts: <code>POST /admin/v1/invitations/accept</code> with
            <code>{"invitation": "lk-invite-…"}</code>, which is what stands behind the # of the link.</p></noscript>
            <script>{{script}}</script>
            </body>
            </html>
            """;

    private static final Bytes BODY =
            Bytes.utf8(PAGE.replace("{{style}}", AdminPage.STYLE).replace("{{script}}", SCRIPT));

    private InvitationPage() {}

    static Reply reply() {
        return new Reply(200, AdminPage.CONTENT_TYPE, BODY)
                .with(
                        "content-security-policy",
                        AdminPage.policy("script-src 'sha256-" + AdminPage.sha256(SCRIPT) + "'; connect-src 'self'; "))
                .with("referrer-policy", "no-referrer");
    }
}
