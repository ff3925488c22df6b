package dev.lockkeeper.settings;

import java.util.List;
import java.util.Map;
import java.util.Set;

/** A piece of what the operator wrote, and where it stands. */
sealed interface Piece {
    Place place();

    /** The piece in words, for a message that expected another kind. */
    String kind();

    /** How many pieces it is made of, itself included and aliases counted each time. */
    int size();

    /**
     * A scalar; what it means is for its reader to say.
     *
     * @param plain written without quotes
     */
    record Text(String text, boolean plain, Place place) implements Piece {
        private static final Set<String> NULLS = Set.of("", "~", "null", "Null", "NULL");

        /** Whether this is YAML's null: a key with nothing behind it says nothing. */
        boolean isNull() {
            return plain && NULLS.contains(text);
        }

        @Override
        public String kind() {
            return isNull() ? "nothing" : "a single value";
        }

        @Override
        public int size() {
            return 1;
        }
    }

    /** A sequence. */
    record Items(List<Piece> items, Place place, int size) implements Piece {
        @Override
        public String kind() {
            return "a list";
        }
    }

    /** A mapping, in the order of the file. */
    record Members(Map<String, Member> members, Place place, int size) implements Piece {
        @Override
        public String kind() {
            return "a mapping";
        }
    }

    /**
     * A key and its value.
     *
     * @param at where the key stands
     */
    record Member(Place at, Piece value) {}
}
