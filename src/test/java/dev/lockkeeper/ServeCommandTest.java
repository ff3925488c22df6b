package dev.lockkeeper;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.OutputStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/** The quick reading of a plain {@code serve} line, beside picocli's. */
final class ServeCommandTest {
    private static final PrintWriter NOWHERE =
            new PrintWriter(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8);
    private static final Shell SHELL = new Shell(Map.of(), NOWHERE, NOWHERE, false);

    @ParameterizedTest
    @ValueSource(
            strings = {
                "serve",
                "serve --verbose",
                "serve --port 80",
                "serve --port=0 --admin-port=65535",
                "serve --port 999999",
                "serve -c lockkeeper.yaml",
                "serve --config /etc/lockkeeper/a=b.yaml --data ./data",
                "serve --host :: --data=/var/lib/lockkeeper --verbose",
                "serve --host [::1] --admin-port 8081",
            })
    void aPlainLineMeansWhatPicocliReadsInIt(String line) {
        String[] words = line.split(" ");

        ServeCommand plain = Objects.requireNonNull(ServeCommand.plainly(SHELL, words), "not taken as plain");

        ServeCommand parsed = new ServeCommand(SHELL);
        // --verbose belongs to the whole program, and does nothing here.
        new CommandLine(parsed)
                .parseArgs(Arrays.stream(words)
                        .skip(1)
                        .filter(word -> !word.equals("--verbose"))
                        .toArray(String[]::new));
        assertThat(plain.overrides()).isEqualTo(parsed.overrides());
        assertThat(plain.configuration()).isEqualTo(parsed.configuration());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "keys list",
                "--verbose serve",
                "serve --help",
                "serve --port",
                "serve --port=",
                "serve --port eighty",
                "serve --port -1",
                "serve --port 080",
                "serve --port 4294967376",
                "serve --port 80 --port 81",
                "serve --verbose --verbose",
                "serve --port --verbose",
                "serve --host \"::1\"",
                "serve --data @file",
                "serve @file",
                "serve -cfile",
                "serve -c=file",
                "serve --prot 80",
                "serve more",
                "serve -- --port 80",
            })
    void anythingElseIsLeftToPicocli(String line) {
        assertThat(ServeCommand.plainly(SHELL, line.split(" "))).isNull();
    }
}
