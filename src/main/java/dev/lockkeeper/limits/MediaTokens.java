package dev.lockkeeper.limits;

import dev.lockkeeper.units.Media;
import dev.lockkeeper.units.Media.Detail;
import java.util.List;
import java.util.regex.Pattern;

/**
 * How many tokens pictures, recordings and files have by the providers' rules. Pure functions.
 *
 * <p>Rules: OpenAI's guides on images and vision, audio and file inputs; Anthropic's on vision and PDF support; Google's on
 * counting tokens. A model that is not known here is reckoned as OpenAI's newest. What providers don't say (how long a
 * recording is by its bytes, how many pages a file has) is reckoned by the named constants below; after the call the
 * provider's own count takes over.
 */
final class MediaTokens {
    /** OpenAI: one token for each 100 ms of speech. */
    static final int AUDIO_TOKENS_PER_SECOND = 10;

    /** Google: 32 tokens for each second of audio. */
    static final int GEMINI_AUDIO_TOKENS_PER_SECOND = 32;

    /** Bytes of a second of audio that doesn't say: MP3 at 64 kbit/s. */
    static final int AUDIO_BYTES_PER_SECOND = 8_000;

    /** The fewest bytes a second of audio has: the lowest bit rate of MP3, 8 kbit/s. */
    static final int LEAST_AUDIO_BYTES_PER_SECOND = 1_000;

    /** Bytes of a recording whose size isn't known: what OpenAI takes at most for a file of audio. */
    static final int MOST_AUDIO_BYTES = 25 << 20;

    /** Bytes of a PDF's page, where it is mostly text. */
    static final int BYTES_PER_PAGE = 50_000;

    /** The fewest bytes of a page that are reckoned with. */
    static final int LEAST_BYTES_PER_PAGE = 3_000;

    /** Pages that a provider takes in one file: Anthropic's newer models 600, Google 1,000. */
    static final int MOST_PAGES = 1_000;

    /** Tokens of a page: its text and its picture. Anthropic: 1,500 to 3,000 for the text alone. */
    static final int TOKENS_PER_PAGE = 2_000;

    /** Tokens of a page at most. */
    static final int MOST_TOKENS_PER_PAGE = 5_000;

    /** Bytes of a text file whose size isn't known: what OpenAI takes at most for the files of a request. */
    static final int MOST_FILE_BYTES = 50 << 20;

    /** Tokens that a file whose size isn't known likely has. */
    static final int LIKELY_FILE_TOKENS = 10_000;

    /** Bytes of text for a token. */
    static final int BYTES_PER_TOKEN = 4;

    private static final int GEMINI_TOKENS = 258;

    private static final Pattern O_SERIES = Pattern.compile("(^|/)o[13](-|$)");
    private static final Pattern SMALL_FIVE = Pattern.compile("gpt-5-(mini|nano)(-\\d|$)");
    private static final Pattern FIVE = Pattern.compile("gpt-5(\\.[0-3])?(-(chat|codex|pro|\\d)|$)");

    private MediaTokens() {}

    /** All of them together. */
    static Tokens of(String upstreamModel, List<Media> all) {
        Tokens sum = Tokens.NONE;
        for (Media each : all) {
            sum = sum.plus(of(upstreamModel, each));
        }
        return sum;
    }

    /** One of them. */
    static Tokens of(String upstreamModel, Media media) {
        return switch (media) {
            case Media.Image(Detail detail, int width, int height) -> image(upstreamModel, detail, width, height);
            case Media.Audio(long bytes, long bytesPerSecond) -> audio(upstreamModel, bytes, bytesPerSecond);
            case Media.File(long bytes, boolean pages) -> file(bytes, pages);
        };
    }

    private static Tokens image(String model, Detail detail, int width, int height) {
        Vision vision = Vision.of(model);
        if (width > 0 && height > 0) {
            return Tokens.exactly(vision.tokens(detail, width, height));
        }
        return new Tokens(vision.likely(detail), vision.most(detail));
    }

    private static Tokens audio(String model, long bytes, long bytesPerSecond) {
        int tokens = model.contains("gemini") ? GEMINI_AUDIO_TOKENS_PER_SECOND : AUDIO_TOKENS_PER_SECOND;
        long size = bytes > 0 ? bytes : MOST_AUDIO_BYTES;
        if (bytesPerSecond > 0) {
            return Tokens.exactly(Math.ceilDiv(size * tokens, bytesPerSecond));
        }
        return new Tokens(
                Math.ceilDiv(size * tokens, AUDIO_BYTES_PER_SECOND),
                Math.ceilDiv(size * tokens, LEAST_AUDIO_BYTES_PER_SECOND));
    }

    private static Tokens file(long bytes, boolean pages) {
        if (!pages) {
            return bytes > 0
                    ? new Tokens(Math.ceilDiv(bytes, BYTES_PER_TOKEN), bytes)
                    : new Tokens(LIKELY_FILE_TOKENS, MOST_FILE_BYTES);
        }
        if (bytes <= 0) {
            return new Tokens(LIKELY_FILE_TOKENS, (long) MOST_PAGES * MOST_TOKENS_PER_PAGE);
        }
        long likely = Math.min(MOST_PAGES, Math.ceilDiv(bytes, BYTES_PER_PAGE));
        long most = Math.min(MOST_PAGES, Math.ceilDiv(bytes, LEAST_BYTES_PER_PAGE));
        return new Tokens(likely * TOKENS_PER_PAGE, most * MOST_TOKENS_PER_PAGE);
    }

    /** How a family of models cuts pictures. */
    private sealed interface Vision {
        /** Tokens of a picture of a known size. */
        long tokens(Detail detail, int width, int height);

        /** Tokens of a picture that is not too large, 1024 x 1024. */
        default long likely(Detail detail) {
            return tokens(detail, 1024, 1024);
        }

        /** Tokens of the dearest picture. */
        long most(Detail detail);

        static Vision of(String name) {
            // Providers write models as "openai/gpt-5-mini" or "us.anthropic.claude-…" too.
            if (name.contains("claude")) {
                return new Area();
            }
            if (name.contains("gemini")) {
                return new Gemini();
            }
            if (name.contains("gpt-4o-mini")) {
                return new Tiles(2_833, 5_667);
            }
            if (name.contains("gpt-4.1-mini")) {
                return new Patches(1_536, 1_536, 162);
            }
            if (name.contains("gpt-4.1-nano")) {
                return new Patches(1_536, 1_536, 246);
            }
            if (name.contains("o4-mini")) {
                return new Patches(1_536, 1_536, 172);
            }
            if (name.contains("gpt-4o") || name.contains("gpt-4.1") || name.contains("gpt-4.5")) {
                return new Tiles(85, 170);
            }
            if (O_SERIES.matcher(name).find()) {
                return new Tiles(75, 150);
            }
            if (name.contains("computer-use")) {
                return new Tiles(65, 129);
            }
            if (SMALL_FIVE.matcher(name).find()) {
                return new Patches(1_536, 1_536, name.contains("nano") ? 246 : 162);
            }
            if (FIVE.matcher(name).find()) {
                return new Tiles(70, 140);
            }
            return new Patches(2_500, 10_000, name.contains("nano") ? 246 : name.contains("mini") ? 162 : 100);
        }
    }

    /**
     * OpenAI's tiles: a picture is made to fit into 2,048 x 2,048, its shorter side then into 768, and each square of 512
     * counts. In low detail only the base does.
     */
    private record Tiles(int base, int tile) implements Vision {
        private static final int FRAME = 2_048;
        private static final int SHORT_SIDE = 768;
        private static final int SQUARE = 512;

        @Override
        public long tokens(Detail detail, int width, int height) {
            if (detail == Detail.LOW) {
                return base;
            }
            double wide = width;
            double high = height;
            double toFrame = Math.min(1, FRAME / Math.max(wide, high));
            wide *= toFrame;
            high *= toFrame;
            double toSide = Math.min(1, SHORT_SIDE / Math.min(wide, high));
            return base + tile * squares(wide * toSide) * squares(high * toSide);
        }

        private static long squares(double side) {
            // A hair less: 2048 scaled to 768 and back must not make a square of a rounding error.
            return Math.max(1, (long) Math.ceil(side / SQUARE - 1e-9));
        }

        @Override
        public long most(Detail detail) {
            return detail == Detail.LOW ? base : base + 8L * tile; // 2,048 x 768
        }
    }

    /**
     * OpenAI's patches of 32 x 32, as many as cover the picture, up to a budget that larger ones are scaled down to.
     *
     * @param budget patches at most
     * @param original patches at most where the original's detail is asked for
     * @param hundredths tokens of a hundred patches
     */
    private record Patches(int budget, int original, int hundredths) implements Vision {
        private static final int PATCH = 32;

        /** In low detail a picture is made to fit into 512 x 512. */
        private static final int LOW_PATCHES = 256;

        @Override
        public long tokens(Detail detail, int width, int height) {
            long patches = Math.ceilDiv((long) width, PATCH) * Math.ceilDiv((long) height, PATCH);
            return Math.ceilDiv(Math.min(patches, bound(detail)) * hundredths, 100L);
        }

        private long bound(Detail detail) {
            return switch (detail) {
                case LOW -> budget == original ? budget : LOW_PATCHES; // the older ones know no detail
                case HIGH, AUTO -> budget;
                case ORIGINAL -> original;
            };
        }

        @Override
        public long most(Detail detail) {
            return Math.ceilDiv(bound(detail) * hundredths, 100L);
        }
    }

    /** Anthropic's: a token for 750 pixels, after the longer side was made to fit into 2,576, as the newer models have it
     * (older ones: 1,568, so theirs are reckoned too high). Detail is not known there. */
    private record Area() implements Vision {
        private static final int LONG_SIDE = 2_576;
        private static final int PIXELS = 750;
        private static final int MOST = 4_784;

        @Override
        public long tokens(Detail detail, int width, int height) {
            double scale = Math.min(1, (double) LONG_SIDE / Math.max(width, height));
            return Math.clamp((long) Math.ceil(scale * width * scale * height / PIXELS), 1, MOST);
        }

        @Override
        public long most(Detail detail) {
            return MOST;
        }
    }

    /** Google's: 258 for a picture up to 384 x 384, else for each tile, whose side is 1.5th of the shorter side within 256 and 768. */
    private record Gemini() implements Vision {
        private static final int SMALL = 384;
        private static final int MOST_TILES = 64;

        @Override
        public long tokens(Detail detail, int width, int height) {
            if (width <= SMALL && height <= SMALL) {
                return GEMINI_TOKENS;
            }
            long side = Math.clamp((long) (Math.min(width, height) / 1.5), 256, 768);
            long tiles = Math.ceilDiv((long) width, side) * Math.ceilDiv((long) height, side);
            return GEMINI_TOKENS * Math.min(tiles, MOST_TILES);
        }

        @Override
        public long most(Detail detail) {
            return (long) GEMINI_TOKENS * MOST_TILES;
        }
    }
}
