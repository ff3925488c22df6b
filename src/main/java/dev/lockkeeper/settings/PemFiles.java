package dev.lockkeeper.settings;

import dev.lockkeeper.http.ClientSettings;
import dev.lockkeeper.http.ServerSettings;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
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

/** Reads the PEM files that a section names, and tells what is wrong with them by file. */
final class PemFiles {
    /** Bytes of a server's PEM file that are looked at. */
    private static final int MAX_SERVER_BYTES = 256 << 10;

    private static final Pattern CERTIFICATE =
            Pattern.compile("-----BEGIN CERTIFICATE-----([^-]+)-----END CERTIFICATE-----");
    private static final Pattern SERVER_NAME = Pattern.compile("[A-Za-z0-9]([A-Za-z0-9.-]{0,252})");

    /** What a file must hold. */
    private enum Part {
        CERTIFICATE("CERTIFICATE", ""),
        KEY("PRIVATE KEY", "; another form of key becomes one with: openssl pkcs8 -topk8 -nocrypt");

        private final String begin;
        private final String hint;

        Part(String name, String hint) {
            this.begin = "-----BEGIN " + name + "-----";
            this.hint = hint;
        }
    }

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
        bothOrNone(certificate, key);
        String chain = text(certificate, Part.CERTIFICATE);
        String secret = text(key, Part.KEY);
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

    /**
     * What the server shows; null for plain HTTP. Its files don't count among those that the settings were read from: the
     * server looks after them by itself.
     */
    ServerSettings.@Nullable Tls server(Section section) {
        Setting<Optional<Path>> certificate = section.optional("certificate", path(), "plain HTTP");
        Setting<Optional<Path>> key = section.optional("key", path(), "plain HTTP");
        section.end();
        bothOrNone(certificate, key);
        boolean readable = beginsWell(certificate, Part.CERTIFICATE);
        readable &= beginsWell(key, Part.KEY);
        if (certificate.value().isEmpty() || key.value().isEmpty()) {
            return null;
        }
        ServerSettings.Tls tls =
                new ServerSettings.Tls(certificate.value().get(), key.value().get());
        String problem = readable && certificate.usable() && key.usable() ? tls.problem() : null;
        if (problem != null) {
            reading.mistake(key, "the key of server.tls.certificate, both whole; " + problem);
        }
        return tls;
    }

    private void bothOrNone(Setting<?> certificate, Setting<?> key) {
        if (certificate.written() != key.written()) {
            reading.mistake(
                    certificate.written() ? certificate : key,
                    certificate.written() ? "tls.key beside it" : "tls.certificate beside it");
        }
    }

    private boolean beginsWell(Setting<Optional<Path>> setting, Part part) {
        if (setting.value().isEmpty()) {
            return false;
        }
        Path file = setting.value().get();
        byte[] start;
        try (InputStream in = Files.newInputStream(file)) {
            start = in.readNBytes(MAX_SERVER_BYTES);
        } catch (IOException e) {
            start = null;
        }
        return !checked(setting, file, start, part).isEmpty();
    }

    /** The certificates of a bundle, one behind the other, without what stands between them; empty if none is written. */
    String authorities(Setting<Optional<Path>> setting) {
        String bundle = text(setting, Part.CERTIFICATE);
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
    private String text(Setting<Optional<Path>> setting, Part part) {
        if (setting.value().isEmpty()) {
            return "";
        }
        Path file = setting.value().get();
        byte[] bytes = reading.content(file).bytes();
        if (bytes != null && bytes.length > ConfigFile.MAX_BYTES) {
            reading.mistake(setting, "a PEM file of at most 1MiB; " + file + " is larger");
            return "";
        }
        return checked(setting, file, bytes, part);
    }

    /** The bytes of a file as text; empty if they could not be read or are not what they should be. */
    private String checked(Setting<?> setting, Path file, byte @Nullable [] bytes, Part part) {
        if (bytes == null) {
            // What a variable stands for may be a secret that was written in the wrong place.
            boolean filled = setting.shown() != null && setting.shown().contains("${");
            reading.mistake(
                    setting,
                    "a PEM file that can be read; " + (filled ? "it" : file)
                            + (Files.exists(file) ? " can't be" : " does not exist"));
            return "";
        }
        String text = new String(bytes, StandardCharsets.ISO_8859_1);
        if (!text.contains(part.begin)) {
            reading.mistake(setting, "a PEM file with a line " + part.begin + part.hint);
            return "";
        }
        return text;
    }
}
