package dev.lockkeeper.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.X509Certificate;
import java.util.Base64;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * A certificate that signs itself, and its key, made by the JDK's keytool.
 *
 * @param certificate PEM
 * @param key PEM, PKCS#8
 * @param x509 the certificate
 */
public record Pem(String certificate, String key, X509Certificate x509) {
    private static final Map<String, Pem> MADE = new ConcurrentHashMap<>();

    /** One for a name, with a key on an elliptic curve; made once in a run. */
    public static Pem of(String name) {
        return of(name, "EC");
    }

    /** @param algorithm of the key: EC, RSA or Ed25519 */
    public static Pem of(String name, String algorithm) {
        return MADE.computeIfAbsent(name + " " + algorithm, _ -> make(name, algorithm));
    }

    private static Pem make(String name, String algorithm) {
        try {
            Path folder = Files.createTempDirectory("lockkeeper-pem");
            Path store = folder.resolve("store.p12");
            Process keytool = new ProcessBuilder(
                            Path.of(System.getProperty("java.home"), "bin", "keytool")
                                    .toString(),
                            "-genkeypair",
                            "-alias",
                            "server",
                            "-keyalg",
                            algorithm,
                            "-dname",
                            "CN=" + name,
                            "-ext",
                            "san=dns:" + name + ",ip:127.0.0.1",
                            "-storetype",
                            "PKCS12",
                            "-keystore",
                            store.toString(),
                            "-storepass",
                            "changeit")
                    .redirectErrorStream(true)
                    .start();
            String said = new String(keytool.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            if (keytool.waitFor() != 0) {
                throw new IllegalStateException(said);
            }
            KeyStore keys = KeyStore.getInstance(store.toFile(), "changeit".toCharArray());
            Files.delete(store);
            Files.delete(folder);
            return new Pem(
                    pem("CERTIFICATE", keys.getCertificate("server").getEncoded()),
                    pem(
                            "PRIVATE KEY",
                            keys.getKey("server", "changeit".toCharArray()).getEncoded()),
                    (X509Certificate) keys.getCertificate("server"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (GeneralSecurityException | InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private static String pem(String what, byte[] bytes) {
        return "-----BEGIN " + what + "-----\n" + Base64.getMimeEncoder().encodeToString(bytes) + "\n-----END " + what
                + "-----\n";
    }
}
