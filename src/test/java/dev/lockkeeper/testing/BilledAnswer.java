package dev.lockkeeper.testing;

import dev.lockkeeper.testing.ScriptedUpstream.Conversation;
import dev.lockkeeper.testing.ScriptedUpstream.Request;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** A chat completion with what it is billed, told whole or as a stream, as it was asked for. */
public final class BilledAnswer {
    /** Bytes of a word, which is a token, with its blank: four make sure that no count of bytes runs behind. */
    private static final String WORD = "word ";

    private static final int WORDS_PER_PIECE = 100;

    private BilledAnswer() {}

    /** A text of so many tokens, in pieces of a hundred. */
    public static List<String> words(int tokens) {
        List<String> pieces = new ArrayList<>();
        for (int sent = 0; sent < tokens; sent += WORDS_PER_PIECE) {
            pieces.add(WORD.repeat(Math.min(WORDS_PER_PIECE, tokens - sent)));
        }
        return pieces;
    }

    /**
     * Tells one.
     *
     * @param prompt tokens of the prompt that are billed
     * @param tokens tokens of the answer that are billed
     * @param pieces what a stream says
     */
    public static void tell(Request request, Conversation conversation, int prompt, int tokens, List<String> pieces)
            throws IOException {
        String usage = "\"usage\":{\"prompt_tokens\":" + prompt + ",\"completion_tokens\":" + tokens
                + ",\"total_tokens\":" + (prompt + tokens) + "}";
        if (!request.text().contains("\"stream\":true")) {
            conversation.json(
                    200,
                    "{\"id\":\"c\",\"object\":\"chat.completion\",\"choices\":[{\"index\":0,\"message\":{\"role\":"
                            + "\"assistant\",\"content\":\"ho\"},\"finish_reason\":\"stop\"}]," + usage + "}");
            return;
        }
        conversation.chunkedEvents();
        for (String each : pieces) {
            conversation.chunk("data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" + each
                    + "\"},\"finish_reason\":null}]}\n\n");
        }
        conversation.chunk(
                "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n");
        conversation.chunk("data: {\"id\":\"c\",\"choices\":[]," + usage + "}\n\ndata: [DONE]\n\n");
        conversation.lastChunk();
    }

    /**
     * Tells one of as many tokens as the prompt says, as in {@code #200#}, and not more than it is allowed.
     *
     * @return how many
     */
    public static int asAsked(Request request, Conversation conversation) throws IOException {
        String text = request.text();
        int from = text.indexOf('#') + 1;
        int wanted = Integer.parseInt(text.substring(from, text.indexOf('#', from)));
        int limit = text.indexOf("\"max_tokens\":") + 13;
        int allowed = Integer.parseInt(text.substring(limit, text.indexOf(',', limit)));
        int tokens = Math.min(wanted, allowed);
        tell(request, conversation, 10, tokens, words(tokens));
        return tokens;
    }
}
