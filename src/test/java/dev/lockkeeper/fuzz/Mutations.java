package dev.lockkeeper.fuzz;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;

/** Inputs made by chance from a target's corpus and dictionary, the same that Jazzer starts from. */
final class Mutations {
    private static final Path FOLDER = Path.of("bench", "corpus");
    private static final int LONGEST = 4_096;

    private final List<byte[]> seeds = new ArrayList<>();
    private final List<byte[]> words = new ArrayList<>();

    Mutations(String target) {
        try (Stream<Path> files = Files.list(FOLDER.resolve(target))) {
            for (Path file : files.sorted().toList()) {
                seeds.add(Files.readAllBytes(file));
            }
            for (String line : Files.readAllLines(FOLDER.resolve(target + ".dict"))) {
                if (line.startsWith("\"")) {
                    words.add(unescaped(line.substring(1, line.lastIndexOf('"'))));
                }
            }
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    List<byte[]> seeds() {
        return seeds;
    }

    private static byte[] unescaped(String word) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (int i = 0; i < word.length(); i++) {
            char c = word.charAt(i);
            if (c != '\\') {
                out.writeBytes(String.valueOf(c).getBytes(StandardCharsets.UTF_8));
            } else if (word.charAt(i + 1) == 'x') {
                out.write(Integer.parseInt(word.substring(i + 2, i + 4), 16));
                i += 3;
            } else {
                out.write(word.charAt(++i));
            }
        }
        return out.toByteArray();
    }

    /** The next input. */
    byte[] next(Random random) {
        byte[] input = seeds.get(random.nextInt(seeds.size())).clone();
        for (int i = random.nextInt(6); i > 0; i--) {
            input = mutated(input, random);
        }
        return input.length > LONGEST ? Arrays.copyOf(input, LONGEST) : input;
    }

    private byte[] mutated(byte[] input, Random random) {
        int from = random.nextInt(input.length + 1);
        int to = Math.min(input.length, from + random.nextInt(12));
        return switch (random.nextInt(8)) {
            case 0 -> replaced(input, from, to, new byte[0]);
            case 1 -> replaced(input, from, from, Arrays.copyOfRange(input, from, to));
            case 2 -> replaced(input, from, Math.min(input.length, from + 1), new byte[] {(byte) random.nextInt()});
            case 3 -> replaced(input, from, from, new byte[] {(byte) random.nextInt(128)});
            case 4, 5 -> replaced(input, from, from, words.get(random.nextInt(words.size())));
            case 6 -> replaced(input, from, to, words.get(random.nextInt(words.size())));
            default -> {
                byte[] other = seeds.get(random.nextInt(seeds.size()));
                int at = random.nextInt(other.length + 1);
                yield replaced(input, from, input.length, Arrays.copyOfRange(other, at, other.length));
            }
        };
    }

    private static byte[] replaced(byte[] input, int from, int to, byte[] by) {
        byte[] out = new byte[input.length - (to - from) + by.length];
        System.arraycopy(input, 0, out, 0, from);
        System.arraycopy(by, 0, out, from, by.length);
        System.arraycopy(input, to, out, from + by.length, input.length - to);
        return out;
    }
}
