package dev.lockkeeper.access;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * Where a tenant's calls may be answered: labels that providers have too, such as {@code eu}. The messages of what is refused
 * may be shown to who asked.
 */
public final class Regions {
    /** What a label looks like. */
    public static final String FORM = "[a-z0-9-]{1,63}";

    /** Labels that one tenant may have. */
    public static final int MOST = 32;

    private static final Pattern LABEL = Pattern.compile(FORM);

    private Regions() {}

    /** Each once. */
    static List<String> checked(List<String> labels) {
        Set<String> regions = new LinkedHashSet<>(labels);
        if (regions.size() > MOST) {
            throw new IllegalArgumentException(
                    "regions: " + regions.size() + " labels (expected: at most " + MOST + ")");
        }
        for (String each : regions) {
            if (!LABEL.matcher(each).matches()) {
                throw new IllegalArgumentException(
                        "regions: '" + shown(each) + "' (expected: a label of a-z, 0-9 and -, such as eu)");
            }
        }
        return List.copyOf(regions);
    }

    /** A project may be bound more closely than its organization, never otherwise. */
    static void checkWithin(String project, List<String> ofProject, List<String> ofOrganization) {
        if (!ofOrganization.isEmpty() && !ofOrganization.containsAll(ofProject)) {
            throw new IllegalArgumentException("regions: project " + project + " has " + said(ofProject)
                    + ", and its organization " + said(ofOrganization) + " (expected: some of the organization's)");
        }
    }

    /** What goes for calls of a project; empty: anywhere. */
    static Set<String> going(List<String> ofProject, List<String> ofOrganization) {
        return Set.copyOf(ofProject.isEmpty() ? ofOrganization : ofProject);
    }

    private static String said(List<String> regions) {
        return String.join(", ", regions);
    }

    private static String shown(String text) {
        return text.length() > Keys.MAX_NAME ? text.substring(0, Keys.MAX_NAME) + "…" : text;
    }
}
