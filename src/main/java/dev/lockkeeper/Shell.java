package dev.lockkeeper;

import java.io.PrintWriter;
import java.util.Map;

/**
 * What a command has around it.
 *
 * @param environment variables by name
 * @param out where results go: what a script may read
 * @param err where everything else goes: explanations, mistakes
 * @param colours whether help may be coloured
 */
record Shell(Map<String, String> environment, PrintWriter out, PrintWriter err, boolean colours) {
    Shell {
        environment = Map.copyOf(environment);
    }
}
