package dev.lockkeeper.dialect.openai;

import dev.lockkeeper.units.Bytes;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Walks over a JSON text as its bytes come, in pieces cut anywhere, and tells a visitor what stands at the paths it asked
 * for. Nothing is allocated on the way. The grammar is checked, UTF-8 inside strings is not. One per walk at a time.
 */
final class JsonWalk {
    /** Containers inside each other; deeper is not an answer of any provider. */
    static final int MAX_DEPTH = 512;

    /** Bytes of a member's name that can match a path. */
    private static final int MAX_NAME = 64;

    /** Hears what stands at wanted paths; {@code path} is a path's place in {@link Paths#of}. */
    interface Visitor {
        /** An object or an array begins. */
        default void open(int path, boolean isObject) {}

        /** It ends. */
        default void close(int path) {}

        /** A number; {@code value} without fraction and exponent, at most {@link Long#MAX_VALUE} either way. */
        default void number(int path, long value) {}

        /** {@code true}, {@code false} or {@code null}, by its first letter. */
        default void literal(int path, char letter) {}

        /** A string begins. */
        default void string(int path) {}

        /** The next bytes of that string, escapes undone; a lone surrogate stands as its three bytes. */
        default void piece(int path, byte[] array, int from, int to) {}

        /** The string is whole. */
        default void stringEnd(int path) {}
    }

    /** Paths as {@code choices[].delta.content}, merged into one tree; the empty one is the whole text. Immutable. */
    static final class Paths {
        private final Node root;

        private Paths(Node root) {
            this.root = root;
        }

        static Paths of(String... paths) {
            Node root = new Node(Node.NO_NAME);
            for (int i = 0; i < paths.length; i++) {
                Node node = root;
                if (!paths[i].isEmpty()) {
                    for (String step : paths[i].split("(?=\\[\\])|\\.")) {
                        node = node.child(step);
                    }
                }
                node.code = i;
            }
            return new Paths(root);
        }
    }

    private static final class Node {
        private static final int SLOTS = 64;
        private static final byte[] NO_NAME = {};

        private final byte[] name;
        private final @Nullable Node[] children = new @Nullable Node[SLOTS];
        private @Nullable Node sibling;
        private @Nullable Node element;
        private int code = -1;

        Node(byte[] name) {
            this.name = name;
        }

        Node child(String step) {
            if (step.equals("[]")) {
                if (element == null) {
                    element = new Node(NO_NAME);
                }
                return element;
            }
            byte[] bytes = step.getBytes(StandardCharsets.UTF_8);
            Node known = find(bytes, 0, bytes.length);
            if (known == null) {
                known = new Node(bytes);
                int slot = slot(bytes, 0, bytes.length);
                known.sibling = children[slot];
                children[slot] = known;
            }
            return known;
        }

        @Nullable Node find(byte[] array, int from, int to) {
            Node node = children[slot(array, from, to)];
            while (node != null && !Arrays.equals(node.name, 0, node.name.length, array, from, to)) {
                node = node.sibling;
            }
            return node;
        }

        private static int slot(byte[] array, int from, int to) {
            return (array[from] * 5 + array[to - 1] * 3 + (to - from)) & (SLOTS - 1);
        }
    }

    private enum State {
        VALUE,
        VALUE_OR_END,
        NAME,
        NAME_OR_END,
        COLON,
        AFTER,
        STRING,
        ESCAPE,
        HEX,
        WORD,
        MINUS,
        ZERO,
        DIGITS,
        POINT,
        FRACTION,
        E,
        E_SIGN,
        EXPONENT,
        DONE,
        BAD
    }

    private final Node root;
    private final Visitor visitor;
    private @Nullable Node[] nodes = new @Nullable Node[16];
    private boolean[] objects = new boolean[16];
    private int depth;
    private State state = State.VALUE;
    private @Nullable Node value;
    private boolean inName;
    private final byte[] name = new byte[MAX_NAME];
    private int nameLength;
    private String word = "";
    private int wordAt;
    private int hexDigits;
    private int hex;
    private int pendingHigh;
    private long number;
    private boolean negative;
    private long before;
    private long memberStart;
    private long now;
    private final byte[] scratch = new byte[4];

    JsonWalk(Paths paths, Visitor visitor) {
        this.root = paths.root;
        this.visitor = visitor;
        this.value = root;
    }

    /** Makes ready for another text. */
    void reset() {
        depth = 0;
        state = State.VALUE;
        value = root;
        inName = false;
        pendingHigh = 0;
        before = 0;
    }

    /** Walks over a whole text; false: it is not JSON. */
    boolean all(Bytes text) {
        reset();
        return feed(text) && end();
    }

    /** Where the member last begun at the outermost level has its opening quote, counted from the text's start. */
    long memberStart() {
        return memberStart;
    }

    /** Inside a visitor's method: the place right behind what it is told of. */
    long now() {
        return now;
    }

    /** The text is whole; false: it was not JSON, or is not whole. */
    boolean end() {
        if (state == State.ZERO || state == State.DIGITS || state == State.FRACTION || state == State.EXPONENT) {
            endNumber(before);
        }
        return state == State.DONE;
    }

    /** Takes the next bytes; false: this is not JSON, and all that follows is ignored. */
    boolean feed(Bytes piece) {
        byte[] a = piece.array();
        int i = piece.offset();
        int to = i + piece.length();
        long base = before - i;
        while (i < to) {
            byte b = a[i];
            switch (state) {
                case VALUE, VALUE_OR_END -> {
                    if (space(b)) {
                        i++;
                    } else {
                        i = beginValue(a, i, base);
                    }
                }
                case NAME, NAME_OR_END -> {
                    if (space(b)) {
                        i++;
                    } else if (b == '"') {
                        if (depth == 1) {
                            memberStart = base + i;
                        }
                        i = beginName(a, i + 1, to);
                    } else if (b == '}' && state == State.NAME_OR_END) {
                        i++;
                        pop(true, base + i);
                    } else {
                        state = State.BAD;
                    }
                }
                case COLON -> {
                    if (b == ':') {
                        state = State.VALUE;
                    } else if (!space(b)) {
                        state = State.BAD;
                    }
                    i++;
                }
                case AFTER -> {
                    i++;
                    if (b == ',') {
                        if (objects[depth - 1]) {
                            state = State.NAME;
                        } else {
                            state = State.VALUE;
                            Node node = nodes[depth - 1];
                            value = node == null ? null : node.element;
                        }
                    } else if (b == '}') {
                        pop(true, base + i);
                    } else if (b == ']') {
                        pop(false, base + i);
                    } else if (!space(b)) {
                        state = State.BAD;
                    }
                }
                case STRING -> i = string(a, i, to, base);
                case ESCAPE -> {
                    i++;
                    escape(b);
                }
                case HEX -> {
                    i++;
                    int digit = Character.digit(b, 16);
                    if (digit < 0 || b < 0) {
                        state = State.BAD;
                    } else {
                        hex = hex << 4 | digit;
                        if (++hexDigits == 4) {
                            state = State.STRING;
                            unit(hex);
                        }
                    }
                }
                case WORD -> {
                    i++;
                    if (b != word.charAt(wordAt)) {
                        state = State.BAD;
                    } else if (++wordAt == word.length()) {
                        now = base + i;
                        if (value != null && value.code >= 0) {
                            visitor.literal(value.code, word.charAt(0));
                        }
                        valueDone();
                    }
                }
                case MINUS, ZERO, DIGITS, POINT, FRACTION, E, E_SIGN, EXPONENT -> {
                    if (number(b)) {
                        i++;
                    } else if (state != State.BAD) {
                        endNumber(base + i);
                    }
                }
                case DONE -> {
                    if (space(b)) {
                        i++;
                    } else {
                        state = State.BAD;
                    }
                }
                case BAD -> {
                    return false;
                }
            }
        }
        before = base + to;
        return state != State.BAD;
    }

    private int beginValue(byte[] a, int i, long base) {
        byte b = a[i];
        switch (b) {
            case '{' -> push(true, base + i + 1);
            case '[' -> push(false, base + i + 1);
            case '"' -> {
                state = State.STRING;
                inName = false;
                if (value != null && value.code >= 0) {
                    visitor.string(value.code);
                }
            }
            case 't' -> word("true");
            case 'f' -> word("false");
            case 'n' -> word("null");
            case '-' -> {
                beginNumber(true);
                state = State.MINUS;
            }
            case ']' -> {
                if (state == State.VALUE_OR_END) {
                    pop(false, base + i + 1);
                } else {
                    state = State.BAD;
                }
            }
            default -> {
                if (b >= '0' && b <= '9') {
                    beginNumber(false);
                    number = (long) b - '0';
                    state = b == '0' ? State.ZERO : State.DIGITS;
                } else {
                    state = State.BAD;
                }
            }
        }
        return i + 1;
    }

    private void word(String expected) {
        word = expected;
        wordAt = 1;
        state = State.WORD;
    }

    private void beginNumber(boolean minus) {
        negative = minus;
        number = 0;
    }

    /** Whether the byte goes on with the number; if not, and it may not end here either, the state is BAD. */
    private boolean number(byte b) {
        boolean digit = b >= '0' && b <= '9';
        return switch (state) {
            case MINUS -> {
                number = (long) b - '0';
                yield to(digit, b == '0' ? State.ZERO : State.DIGITS);
            }
            case DIGITS -> {
                if (digit) {
                    number = number > (Long.MAX_VALUE - 9) / 10 ? Long.MAX_VALUE : number * 10 + b - '0';
                }
                yield digit || fractionOrExponent(b);
            }
            case ZERO -> digit ? to(false, State.BAD) : fractionOrExponent(b);
            case POINT -> to(digit, State.FRACTION);
            case FRACTION -> digit || exponent(b);
            case E -> (b == '+' || b == '-') ? to(true, State.E_SIGN) : to(digit, State.EXPONENT);
            case E_SIGN -> to(digit, State.EXPONENT);
            default -> digit;
        };
    }

    private boolean to(boolean fits, State next) {
        state = fits ? next : State.BAD;
        return fits;
    }

    private boolean fractionOrExponent(byte b) {
        if (b == '.') {
            state = State.POINT;
            return true;
        }
        return exponent(b);
    }

    private boolean exponent(byte b) {
        if (b == 'e' || b == 'E') {
            state = State.E;
            return true;
        }
        return false;
    }

    private void endNumber(long at) {
        now = at;
        if (value != null && value.code >= 0) {
            visitor.number(value.code, negative ? -number : number);
        }
        valueDone();
    }

    private int beginName(byte[] a, int from, int to) {
        Node container = nodes[depth - 1];
        for (int i = from; i < to; i++) {
            byte b = a[i];
            if (b == '"') {
                value = container == null || i == from ? null : container.find(a, from, i);
                state = State.COLON;
                return i + 1;
            }
            if (b == '\\' || (b >= 0 && b < 0x20)) {
                break;
            }
        }
        inName = true;
        nameLength = 0;
        state = State.STRING;
        return from;
    }

    private int string(byte[] a, int from, int to, long base) {
        int i = from;
        byte b = 0;
        while (i < to) {
            b = a[i];
            if (b == '"' || b == '\\' || (b >= 0 && b < 0x20)) {
                break;
            }
            i++;
        }
        if (i > from) {
            lonely();
            emit(a, from, i);
        }
        if (i == to) {
            return i;
        }
        if (b == '"') {
            lonely();
            endString(base + i + 1);
        } else if (b == '\\') {
            state = State.ESCAPE;
        } else {
            state = State.BAD;
        }
        return i + 1;
    }

    private void endString(long at) {
        now = at;
        if (!inName) {
            if (value != null && value.code >= 0) {
                visitor.stringEnd(value.code);
            }
            valueDone();
            return;
        }
        inName = false;
        Node container = nodes[depth - 1];
        value = container == null || nameLength == 0 || nameLength > MAX_NAME
                ? null
                : container.find(name, 0, nameLength);
        state = State.COLON;
    }

    private void escape(byte b) {
        state = State.STRING;
        switch (b) {
            case '"', '\\', '/' -> unit(b);
            case 'b' -> unit('\b');
            case 'f' -> unit('\f');
            case 'n' -> unit('\n');
            case 'r' -> unit('\r');
            case 't' -> unit('\t');
            case 'u' -> {
                state = State.HEX;
                hexDigits = 0;
                hex = 0;
            }
            default -> state = State.BAD;
        }
    }

    /** Takes an escaped UTF-16 unit. */
    private void unit(int unit) {
        if (pendingHigh != 0 && unit >= 0xdc00 && unit < 0xe000) {
            int point = 0x10000 + ((pendingHigh - 0xd800) << 10) + (unit - 0xdc00);
            pendingHigh = 0;
            scratch[0] = (byte) (0xf0 | point >> 18);
            scratch[1] = (byte) (0x80 | (point >> 12 & 0x3f));
            scratch[2] = (byte) (0x80 | (point >> 6 & 0x3f));
            scratch[3] = (byte) (0x80 | (point & 0x3f));
            emit(scratch, 0, 4);
            return;
        }
        lonely();
        if (unit >= 0xd800 && unit < 0xdc00) {
            pendingHigh = unit;
        } else {
            emitUnit(unit);
        }
    }

    /** The high surrogate that waited for its other half stays alone. */
    private void lonely() {
        if (pendingHigh != 0) {
            int unit = pendingHigh;
            pendingHigh = 0;
            emitUnit(unit);
        }
    }

    private void emitUnit(int unit) {
        int length;
        if (unit < 0x80) {
            scratch[0] = (byte) unit;
            length = 1;
        } else if (unit < 0x800) {
            scratch[0] = (byte) (0xc0 | unit >> 6);
            scratch[1] = (byte) (0x80 | (unit & 0x3f));
            length = 2;
        } else {
            scratch[0] = (byte) (0xe0 | unit >> 12);
            scratch[1] = (byte) (0x80 | (unit >> 6 & 0x3f));
            scratch[2] = (byte) (0x80 | (unit & 0x3f));
            length = 3;
        }
        emit(scratch, 0, length);
    }

    private void emit(byte[] array, int from, int to) {
        if (inName) {
            int length = to - from;
            if (nameLength + length > MAX_NAME) {
                nameLength = MAX_NAME + 1;
            } else {
                System.arraycopy(array, from, name, nameLength, length);
                nameLength += length;
            }
        } else if (value != null && value.code >= 0) {
            visitor.piece(value.code, array, from, to);
        }
    }

    private void push(boolean isObject, long at) {
        if (depth == MAX_DEPTH) {
            state = State.BAD;
            return;
        }
        if (depth == nodes.length) {
            nodes = Arrays.copyOf(nodes, depth * 2);
            objects = Arrays.copyOf(objects, depth * 2);
        }
        Node node = value;
        now = at;
        if (node != null && node.code >= 0) {
            visitor.open(node.code, isObject);
        }
        nodes[depth] = node;
        objects[depth] = isObject;
        depth++;
        if (isObject) {
            state = State.NAME_OR_END;
        } else {
            state = State.VALUE_OR_END;
            value = node == null ? null : node.element;
        }
    }

    private void pop(boolean isObject, long at) {
        if (depth == 0 || objects[depth - 1] != isObject) {
            state = State.BAD;
            return;
        }
        depth--;
        Node node = nodes[depth];
        now = at;
        if (node != null && node.code >= 0) {
            visitor.close(node.code);
        }
        valueDone();
    }

    private void valueDone() {
        state = depth == 0 ? State.DONE : State.AFTER;
    }

    private static boolean space(byte b) {
        return b == ' ' || b == '\n' || b == '\r' || b == '\t';
    }
}
