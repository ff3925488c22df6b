package dev.lockkeeper.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A page of the documentation, parts of which are written by commands: between a mark and its end. */
final class Page {
    private Page() {}

    /** Replaces one part; it is added at the end where the page has none, and the page is made where there is none. */
    static void put(Path page, String part, String text) throws IOException {
        String begin = "<!-- " + part + ": written by bench/" + part + " -->";
        String end = "<!-- end of " + part + " -->";
        String whole = Files.exists(page) ? Files.readString(page) : "# Benchmarks\n";
        int from = whole.indexOf(begin);
        int to = whole.indexOf(end);
        String written = begin + "\n" + text.strip() + "\n";
        Files.createDirectories(page.toAbsolutePath().getParent());
        Files.writeString(
                page,
                from < 0 || to < from
                        ? whole + "\n" + written + end + "\n"
                        : whole.substring(0, from) + written + whole.substring(to));
    }
}
