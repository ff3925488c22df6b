package dev.lockkeeper.door;

import java.util.Objects;

/** The version of this gateway, as its jar's manifest tells it. */
final class Version {
    /** Such as {@code 0.1.0}; {@code development} when the classes don't come from the jar. */
    static final String TEXT =
            Objects.requireNonNullElse(Version.class.getPackage().getImplementationVersion(), "development");

    private Version() {}
}
