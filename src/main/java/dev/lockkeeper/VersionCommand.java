package dev.lockkeeper;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;

/** {@code version}: which Lockkeeper this is, and on which JDK it runs. */
@Command(name = "version", description = "Prints the version, the JDK and the system.")
final class VersionCommand implements Callable<Integer> {
    private final Shell shell;

    VersionCommand(Shell shell) {
        this.shell = shell;
    }

    @Override
    public Integer call() {
        shell.out()
                .println("lockkeeper " + version() + " (JDK " + Runtime.version() + ", "
                        + System.getProperty("java.vendor") + "; " + System.getProperty("os.name") + " "
                        + System.getProperty("os.arch") + ")");
        return 0;
    }

    /** The version in the jar's manifest; {@code unpackaged} where the classes lie in a folder. */
    static String version() {
        String version = Main.class.getPackage().getImplementationVersion();
        return version == null ? "unpackaged" : version;
    }
}
