package dev.lockkeeper.observe;

import dev.lockkeeper.relay.CallReport;

/** Words for values, the same in log lines and metrics. */
final class Labels {
    private Labels() {}

    static String of(CallReport.Outcome outcome) {
        return switch (outcome) {
            case SERVED -> "served";
            case REFUSED -> "refused";
            case FAILED -> "failed";
            case ABANDONED -> "abandoned";
            case REPLAYED -> "replayed";
            case RESUMED -> "resumed";
        };
    }

    /** {@code 2xx}, {@code 4xx} ... */
    static String statusClass(int status) {
        return switch (status / 100) {
            case 1 -> "1xx";
            case 2 -> "2xx";
            case 3 -> "3xx";
            case 4 -> "4xx";
            case 5 -> "5xx";
            default -> "none";
        };
    }
}
