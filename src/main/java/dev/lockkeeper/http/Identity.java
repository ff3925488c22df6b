package dev.lockkeeper.http;

import io.vertx.core.buffer.Buffer;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.interfaces.RSAKey;
import java.security.spec.PKCS8EncodedKeySpec;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a server proves who it is with: a certificate chain and its key, read whole and known to belong together.
 *
 * @param certificate the chain's file
 * @param key the key's file; secret
 * @param subject whom the certificate names
 * @param notAfter until when the whole chain is valid
 */
record Identity(Buffer certificate, Buffer key, String subject, Instant notAfter) implements Identified {
    /** Bytes of a file at most. */
    static final int MAX_BYTES = 256 << 10;

    private static final Pattern KEY = Pattern.compile("-----BEGIN PRIVATE KEY-----([^-]+)-----END PRIVATE KEY-----");

    /** Reads both files. Blocks. */
    static Identified read(ServerSettings.Tls tls) {
        try {
            byte[] chain = bytes(tls.certificate());
            byte[] key = bytes(tls.key());
            return of(tls, chain, key);
        } catch (IOException e) {
            return new Identified.Unusable("can't read " + e.getMessage());
        }
    }

    private static byte[] bytes(Path file) throws IOException {
        try (InputStream in = Files.newInputStream(file)) {
            return in.readNBytes(MAX_BYTES);
        }
    }

    private static Identified of(ServerSettings.Tls tls, byte[] chain, byte[] key) {
        List<X509Certificate> certificates = new ArrayList<>();
        try {
            for (Certificate each :
                    CertificateFactory.getInstance("X.509").generateCertificates(new ByteArrayInputStream(chain))) {
                certificates.add((X509Certificate) each);
            }
        } catch (GeneralSecurityException e) {
            return new Identified.Unusable(tls.certificate() + " is not a chain of certificates: " + e.getMessage());
        }
        if (certificates.isEmpty()) {
            return new Identified.Unusable(tls.certificate() + " holds no certificate");
        }
        X509Certificate first = certificates.getFirst();
        Matcher pem = KEY.matcher(new String(key, StandardCharsets.ISO_8859_1));
        if (!pem.find()) {
            return new Identified.Unusable(tls.key() + " holds no whole PRIVATE KEY");
        }
        try {
            if (!belongTogether(first.getPublicKey(), Base64.getMimeDecoder().decode(pem.group(1)))) {
                return new Identified.Unusable(tls.key() + " is not the key of " + tls.certificate());
            }
        } catch (GeneralSecurityException | IllegalArgumentException e) {
            // The message of such an exception tells of the form, never of the key.
            return new Identified.Unusable(tls.key() + " is not a key as " + tls.certificate() + " has it ("
                    + first.getPublicKey().getAlgorithm() + ")");
        }
        Instant notAfter = certificates.stream()
                .map(each -> each.getNotAfter().toInstant())
                .min(Instant::compareTo)
                .orElseThrow();
        return new Identity(
                Buffer.buffer(chain),
                Buffer.buffer(key),
                first.getSubjectX500Principal().getName(),
                notAfter);
    }

    private static boolean belongTogether(PublicKey open, byte[] secret) throws GeneralSecurityException {
        String algorithm = open.getAlgorithm();
        PrivateKey key = KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(secret));
        if (open instanceof RSAKey one && key instanceof RSAKey other) {
            return one.getModulus().equals(other.getModulus());
        }
        byte[] text = {1, 2, 3};
        Signature signature = Signature.getInstance(algorithm.equals("EC") ? "SHA256withECDSA" : algorithm);
        signature.initSign(key);
        signature.update(text);
        byte[] signed = signature.sign();
        signature.initVerify(open);
        signature.update(text);
        return signature.verify(signed);
    }

    /** Tells nothing of the key. */
    @Override
    public String toString() {
        return subject + ", valid until " + notAfter;
    }
}
