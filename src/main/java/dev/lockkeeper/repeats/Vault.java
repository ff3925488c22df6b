package dev.lockkeeper.repeats;

import dev.lockkeeper.db.OwnerOnly;
import dev.lockkeeper.units.Bytes;
import java.io.ByteArrayInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.random.RandomGenerator;
import javax.crypto.Cipher;
import javax.crypto.Mac;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.SecretKeySpec;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Encrypts answers (AES-256 in GCM) and makes fingerprints of requests, with keys derived from one secret. Any thread.
 *
 * <p>A sealed answer is bound to its place: moved to another key's row, or cut, it can't be opened.
 */
final class Vault {
    private static final Logger LOG = LoggerFactory.getLogger(Vault.class);

    /** The secret's file in the data folder, where none is configured; also tells nodes apart. */
    static final String FILE = "idempotency-key";

    private static final int SECRET_BYTES = 32;
    private static final int NONCE_BYTES = 12;
    private static final int TAG_BITS = 128;
    private static final int ID_BYTES = 8;

    /** First byte of what is sealed: the form of the rest. */
    private static final byte FORM = 1;

    private final SecretKeySpec answers;
    private final SecretKeySpec requests;
    private final String id;
    private final String node;
    private final RandomGenerator random;

    private Vault(byte[] secret, byte[] own, RandomGenerator random) {
        this.answers = new SecretKeySpec(derived(secret, "answers"), "AES");
        this.requests = new SecretKeySpec(derived(secret, "requests"), "HmacSHA256");
        this.id = shortened(derived(secret, "id"));
        this.node = shortened(derived(own, "node"));
        this.random = random;
    }

    /**
     * The vault of a data folder, whose file is made where it is missing.
     *
     * @param configured the secret to be used in place of the file's; null: none
     * @param random must be cryptographically strong
     */
    static Vault open(Path folder, @Nullable String configured, RandomGenerator random) throws IOException {
        byte[] own = own(folder.resolve(FILE), random);
        return new Vault(configured == null ? own : configured.getBytes(StandardCharsets.UTF_8), own, random);
    }

    private static byte[] own(Path file, RandomGenerator random) throws IOException {
        if (Files.exists(file)) {
            String text = Files.readString(file, StandardCharsets.US_ASCII).strip();
            if (!text.matches("[0-9a-f]{64}")) {
                throw new IOException(
                        file + " was expected to hold 64 hexadecimal digits. Put back a copy of it, or delete"
                                + " it: answers that were kept for repeats can't be replayed then");
            }
            if (!OwnerOnly.is(file)) {
                LOG.warn("{} could be read by others; now it can't", file);
                OwnerOnly.close(file);
            }
            return HexFormat.of().parseHex(text);
        }
        byte[] made = new byte[SECRET_BYTES];
        random.nextBytes(made);
        OwnerOnly.write(file, HexFormat.of().formatHex(made) + "\n");
        return made;
    }

    private static byte[] derived(byte[] secret, String use) {
        return mac(
                new SecretKeySpec(secret, "HmacSHA256"),
                ("lockkeeper idempotency " + use).getBytes(StandardCharsets.US_ASCII));
    }

    private static String shortened(byte[] hash) {
        return HexFormat.of().formatHex(hash, 0, ID_BYTES);
    }

    private static byte[] mac(SecretKeySpec key, byte[] data) {
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(key);
            return mac.doFinal(data);
        } catch (GeneralSecurityException impossible) {
            throw new IllegalStateException("every JDK has HmacSHA256", impossible);
        }
    }

    /** Which secret this is, without telling it. */
    String id() {
        return id;
    }

    /** Which data folder this is. */
    String node() {
        return node;
    }

    /** What stands for a request in the database: who reads it there can't try out which request it was. */
    byte[] fingerprint(Bytes request) {
        return mac(requests, request.toArray());
    }

    byte[] seal(String keyId, Name name, Answer answer) {
        byte[] plain = written(answer);
        byte[] nonce = new byte[NONCE_BYTES];
        random.nextBytes(nonce);
        try {
            Cipher cipher = cipher(Cipher.ENCRYPT_MODE, nonce, keyId, name);
            ByteBuffer sealed = ByteBuffer.allocate(1 + NONCE_BYTES + cipher.getOutputSize(plain.length));
            sealed.put(FORM).put(nonce);
            cipher.doFinal(ByteBuffer.wrap(plain), sealed);
            return sealed.array();
        } catch (GeneralSecurityException failed) {
            throw new IllegalStateException("an answer can't be encrypted", failed);
        }
    }

    /** Opens what {@link #seal} made; null where it was made with another secret, for another place, or is damaged. */
    @Nullable Answer open(String keyId, Name name, byte[] sealed) {
        if (sealed.length < 1 + NONCE_BYTES || sealed[0] != FORM) {
            return null;
        }
        byte[] nonce = new byte[NONCE_BYTES];
        System.arraycopy(sealed, 1, nonce, 0, NONCE_BYTES);
        try {
            Cipher cipher = cipher(Cipher.DECRYPT_MODE, nonce, keyId, name);
            return read(cipher.doFinal(sealed, 1 + NONCE_BYTES, sealed.length - 1 - NONCE_BYTES));
        } catch (GeneralSecurityException | IOException unreadable) {
            return null;
        }
    }

    private Cipher cipher(int mode, byte[] nonce, String keyId, Name name) throws GeneralSecurityException {
        Cipher cipher = Cipher.getInstance("AES/GCM/NoPadding");
        cipher.init(mode, answers, new GCMParameterSpec(TAG_BITS, nonce));
        cipher.updateAAD(keyId.getBytes(StandardCharsets.UTF_8));
        cipher.updateAAD(name.hash().toArray());
        return cipher;
    }

    // ---- the plain form: call id, status, fields, body; texts are UTF-8 behind their length ----

    private static byte[] written(Answer answer) {
        List<byte[]> texts = new ArrayList<>();
        texts.add(answer.callId().getBytes(StandardCharsets.UTF_8));
        for (Answer.Field field : answer.fields()) {
            texts.add(field.name().getBytes(StandardCharsets.UTF_8));
            texts.add(field.value().getBytes(StandardCharsets.UTF_8));
        }
        int length = 2 * Integer.BYTES;
        for (byte[] each : texts) {
            length += Integer.BYTES + each.length;
        }
        Bytes body = answer.body();
        ByteBuffer plain = ByteBuffer.allocate(Math.addExact(length, body.length()));
        plain.putInt(answer.status()).putInt(answer.fields().size());
        for (byte[] each : texts) {
            plain.putInt(each.length).put(each);
        }
        plain.put(body.array(), body.offset(), body.length());
        return plain.array();
    }

    private static Answer read(byte[] plain) throws IOException {
        try (ByteArrayInputStream left = new ByteArrayInputStream(plain);
                DataInputStream in = new DataInputStream(left)) {
            int status = in.readInt();
            int fields = in.readInt();
            String callId = text(in);
            List<Answer.Field> told = new ArrayList<>();
            for (int i = 0; i < fields; i++) {
                told.add(new Answer.Field(text(in), text(in)));
            }
            int from = plain.length - left.available();
            return new Answer(callId, status, told, new Bytes(plain, from, plain.length - from));
        }
    }

    private static String text(DataInputStream in) throws IOException {
        return new String(in.readNBytes(in.readInt()), StandardCharsets.UTF_8);
    }
}
