package dev.lockkeeper.admin;

import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;

/** Which values of {@code Host} are answered: addresses, {@code localhost}, and names that the operator allowed. */
final class HostCheck {
    private static final Pattern V4 = Pattern.compile("\\d{1,3}(\\.\\d{1,3}){3}");
    private static final Pattern V6 = Pattern.compile("\\[[0-9a-f:.%]+]");
    private static final Pattern PORT = Pattern.compile(":\\d{0,5}$");

    private HostCheck() {}

    /** @param allowed names in lower case */
    static boolean allowed(String host, Set<String> allowed) {
        String name = PORT.matcher(host.strip().toLowerCase(Locale.ROOT)).replaceFirst("");
        return V4.matcher(name).matches()
                || V6.matcher(name).matches()
                || name.equals("localhost")
                || allowed.contains(name);
    }
}
