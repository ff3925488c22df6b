package dev.lockkeeper.dialect.openai;

import dev.lockkeeper.units.HostedCalls;
import dev.lockkeeper.units.Usage;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;

/**
 * Counts what hosted tools did for a response, by its output items and by its {@code tool_usage}, which wins where both
 * tell. A stream tells each item when it is done and all of them at its end: the larger count is taken, so that neither a
 * stream cut off nor one without its items is told too small.
 */
final class ToldTools {
    /** Where items and {@code tool_usage} stand. */
    static final List<String> PATHS = List.of(
            "output[].type",
            "response.output[].type",
            "item.type",
            "tool_usage.web_search.num_requests",
            "response.tool_usage.web_search.num_requests",
            "tool_usage.image_gen.input_tokens",
            "response.tool_usage.image_gen.input_tokens",
            "tool_usage.image_gen.output_tokens",
            "response.tool_usage.image_gen.output_tokens");

    private static final int ITEM = 2;
    private static final int WEB_REQUESTS = 3;
    private static final int IMAGE_INPUT = 5;
    private static final int IMAGE_OUTPUT = 7;

    private static final int WEB = 0;
    private static final int FILES = 1;
    private static final int CODE = 2;
    private static final int IMAGES = 3;
    private static final int OTHERS = 4;
    private static final int KINDS = 5;

    private final long[] items = new long[KINDS];
    private final long[] whole = new long[KINDS];
    private String item = "";
    private long webRequests = -1;
    private long imageInput;
    private long imageOutput;

    /** A whole response begins: its items are told from the first. */
    void wholeBegins() {
        Arrays.fill(whole, 0);
    }

    /** The type of an item at one of {@link #PATHS}. */
    void type(int path, String type) {
        if (path == ITEM) {
            item = type;
        } else if (path < ITEM) {
            add(whole, type);
        }
    }

    /** The item told last is done. */
    void itemDone() {
        add(items, item);
        item = "";
    }

    /** A number at one of {@link #PATHS}. */
    void number(int path, long value) {
        long count = Math.clamp(value, 0, Usage.MOST);
        if (path >= IMAGE_OUTPUT) {
            imageOutput = count;
        } else if (path >= IMAGE_INPUT) {
            imageInput = count;
        } else if (path >= WEB_REQUESTS) {
            webRequests = Math.min(count, Usage.MOST_PIECES);
        }
    }

    private static void add(long[] counts, String type) {
        int kind = switch (type) {
            case "web_search_call" -> WEB;
            case "file_search_call" -> FILES;
            case "code_interpreter_call" -> CODE;
            case "image_generation_call" -> IMAGES;
            case "computer_call", "mcp_call", "shell_call" -> OTHERS;
            default -> -1;
        };
        if (kind >= 0 && counts[kind] < Usage.MOST_PIECES) {
            counts[kind]++;
        }
    }

    private long count(int kind) {
        return Math.max(items[kind], whole[kind]);
    }

    /** @param made what the answer made, the containers among it */
    HostedCalls calls(Collection<Made> made) {
        long containers = count(CODE);
        if (containers > 1) {
            // A container is billed once, however often code runs in it.
            long told = made.stream()
                    .filter(each -> each.kind() == ObjectKind.CONTAINER)
                    .count();
            containers = told == 0 ? containers : Math.min(containers, told);
        }
        long web = webRequests >= 0 ? webRequests : count(WEB);
        if (web + count(FILES) + containers + count(IMAGES) + imageInput + imageOutput + count(OTHERS) == 0) {
            return HostedCalls.NONE;
        }
        return new HostedCalls(web, count(FILES), containers, count(IMAGES), imageInput, imageOutput, count(OTHERS));
    }
}
