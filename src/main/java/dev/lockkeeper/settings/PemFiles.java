package dev.lockkeeper.settings;

import dev.lockkeeper.http.ClientSettings;
import dev.lockkeeper.http.ServerSettings;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Reads the PEM files that a provider's section names, and tells what is wrong with them by file. */
final class PemFiles {
    private static final Pattern CERTIFICATE =
            Pattern.compile("-----BEGIN CERTIFICATE-----([^-]+)-----END CERTIFICATE-----");
    private static final Pattern SERVER_NAME = Pattern.compile("[A-Za-z0-9]([A-Za-z0-9.-]{0,252})");

    private final Reading reading;
    private final Path folder;

    /** @param folder where relative paths start */
    PemFiles(Reading reading, Path folder) {
        this.reading = reading;
        this.folder = folder;
    }

    Type<Path> path() {
        return Type.path(folder);
    }

    /** What TLS to a provider trusts and shows; null if its section {@code tls} says nothing. */
    ClientSettings.@Nullable Certificates read(Section provider, boolean tls) {
        Section section = provider.section("tls");
        Setting<Optional<Path>> ca = section.optional("ca", path(), "what the JDK trusts");
        Setting<Optional<Path>> certificate = section.optional("certificate", path(), "none");
        Setting<Optional<Path>> key = section.optional("key", path(), "none");
        Setting<Optional<String>> serverName = section.optional(
                "server-name",
                Type.text("host", "a host name, such as api.example.com", SERVER_NAME.pattern()),
                "the host of base-url");
        section.end();
        boolean written = false;
        for (Setting<?> each : List.of(ca, certificate, key, serverName)) {
            written |= each.written();
            if (each.written() && !tls) {
                reading.mistake(each, "https in base-url: plain http has no certificates");
            }
        }
        if (!written || !tls) {
            return null;
        }
        if (certificate.written() != key.written()) {
            reading.mistake(
                    certificate.written() ? certificate : key,
                    certificate.written() ? "tls.key beside it" : "tls.certificate beside it");
        }
        String chain = text(certificate, "CERTIFICATE", "");
        String secret =
                text(key, "PRIVATE KEY", "; another form of key becomes one with: openssl pkcs8 -topk8 -nocrypt");
        if (!chain.isEmpty() && !secret.isEmpty()) {
            String problem = new ServerSettings.Tls(
                            certificate.value().orElseThrow(), key.value().orElseThrow())
                    .problem();
            if (problem != null) {
                reading.mistake(key, "the key of tls.certificate, both whole; " + problem);
            }
        }
        return new ClientSettings.Certificates(
                authorities(ca), chain, secret, serverName.value().orElse(""));
    }

    /** The certificates of a bundle, one behind the other, without what stands between them; empty if none is written. */
    String authorities(Setting<Optional<Path>> setting) {
        String bundle = text(setting, "CERTIFICATE", "");
        StringBuilder certificates = new StringBuilder();
        Matcher each = CERTIFICATE.matcher(bundle);
        for (int i = 1; each.find(); i++) {
            try {
                byte[] bytes = Base64.getMimeDecoder().decode(each.group(1));
                CertificateFactory.getInstance("X.509").generateCertificate(new ByteArrayInputStream(bytes));
            } catch (CertificateException | IllegalArgumentException e) {
                reading.mistake(
                        setting,
                        "a PEM file of certificates; the certificate number " + i + " in "
                                + setting.value().orElseThrow() + " can't be read");
                return "";
            }
            certificates.append(each.group()).append('\n');
        }
        if (!bundle.isEmpty() && certificates.isEmpty()) {
            reading.mistake(
                    setting, "a PEM file of certificates; " + setting.value().orElseThrow() + " holds no whole one");
        }
        return certificates.toString();
    }

    /** The content of a file; empty if none is written or it is not what it should be. */
    private String text(Setting<Optional<Path>> setting, String what, String hint) {
        if (setting.value().isEmpty()) {
            return "";
        }
        Path file = setting.value().get();
        byte[] bytes = reading.content(file).bytes();
        if (bytes == null) {
            reading.mistake(
                    setting,
                    "a PEM file that can be read; " + file + (Files.exists(file) ? " can't be" : " does not exist"));
            return "";
        }
        String text = new String(bytes, StandardCharsets.ISO_8859_1);
        if (bytes.length > ConfigFile.MAX_BYTES) {
            reading.mistake(setting, "a PEM file of at most 1MiB; " + file + " is larger");
            return "";
        }
        if (!text.contains("-----BEGIN " + what + "-----")) {
            reading.mistake(setting, "a PEM file with a line -----BEGIN " + what + "-----" + hint);
            return "";
        }
        return text;
    }
}
