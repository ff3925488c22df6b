package dev.lockkeeper.simulator;

import com.knuddels.jtokkit.Encodings;
import com.knuddels.jtokkit.api.Encoding;
import com.knuddels.jtokkit.api.EncodingType;
import com.knuddels.jtokkit.api.IntArrayList;

/** Counts tokens as OpenAI's newer models do (o200k_base). Loading takes some 400 ms once per process. Any thread. */
final class Tokens {
    private static volatile boolean loaded;

    private Tokens() {}

    private static final class Holder {
        static final Encoding ENCODING = Encodings.newLazyEncodingRegistry().getEncoding(EncodingType.O200K_BASE);
    }

    /** Whether counting is quick already. */
    static boolean loaded() {
        return loaded;
    }

    /** Loads the vocabulary; takes a while the first time. */
    static void load() {
        Holder.ENCODING.countTokensOrdinary("The lock opens.");
        loaded = true;
    }

    static int count(String text) {
        return text.isEmpty() ? 0 : Holder.ENCODING.countTokensOrdinary(text);
    }

    static IntArrayList encode(String text) {
        return Holder.ENCODING.encodeOrdinary(text);
    }

    static String decode(IntArrayList tokens) {
        return Holder.ENCODING.decode(tokens);
    }

    /** The text's first tokens; a character that the cut would split is left out. */
    static String head(String text, int most) {
        if (most <= 0) {
            return "";
        }
        if (text.length() <= most) {
            return text;
        }
        IntArrayList tokens = encode(text);
        if (tokens.size() <= most) {
            return text;
        }
        IntArrayList first = new IntArrayList(most);
        for (int i = 0; i < most; i++) {
            first.add(tokens.get(i));
        }
        String head = decode(first);
        int end = head.length();
        while (end > 0 && !text.startsWith(head.substring(0, end))) {
            end--;
        }
        return head.substring(0, end);
    }
}
