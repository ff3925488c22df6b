package dev.lockkeeper.bench;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;

/**
 * A run's figures as a table and a picture. Each figure is the median of its rounds.
 *
 * @param seen values of the rounds, by scenario, way and what was measured
 */
record Report(Map<String, List<Double>> seen, @Nullable String nginx, boolean quick, int rounds, List<String> remarks) {
    private static final List<String> WAYS = List.of("direct", "nginx", "lockkeeper");

    String table() {
        StringBuilder table = new StringBuilder();
        if (quick) {
            table.append("**A quick run: these figures mean little.**\n\n");
        }
        table.append(
                "| | direct | nginx | Lockkeeper | beside nginx, or added | target |\n|---|---:|---:|---:|---:|---:|\n");
        row(table, "**1,000 calls a second**, p50", "unary", "p50", "ms", Beside.ADDED, 0.25);
        row(table, "p90", "unary", "p90", "ms", Beside.ADDED, -1);
        row(table, "p99", "unary", "p99", "ms", Beside.ADDED, 1.5);
        row(table, "processor per call", "unary", "cpu", "us", Beside.TIMES, 2.5);
        row(table, "upstream's processor per call", "unary", "upstream", "us", Beside.NOTHING, -1);
        row(table, "**prompt of 100,000 tokens**, p50", "prompt", "p50", "ms", Beside.ADDED, 3);
        row(table, "p99", "prompt", "p99", "ms", Beside.ADDED, -1);
        row(
                table,
                "**100 streams**, 20 chunks a second each: processor per chunk",
                "streams",
                "cpu",
                "us",
                Beside.TIMES,
                2.1);
        row(table, "chunk's way, p50", "streams", "p50", "ms", Beside.ADDED, -1);
        row(table, "chunk's way, p99", "streams", "p99", "ms", Beside.ADDED, -1);
        row(table, "chunks a second", "streams", "rate", "", Beside.NOTHING, -1);
        row(
                table,
                "**1,000 streams**, 10 chunks a second each: processor per chunk",
                "many",
                "cpu",
                "us",
                Beside.TIMES,
                2.1);
        row(table, "chunk's way, p50", "many", "p50", "ms", Beside.ADDED, -1);
        row(table, "chunk's way, p99", "many", "p99", "ms", Beside.ADDED, -1);
        row(table, "chunks a second", "many", "rate", "", Beside.NOTHING, -1);
        row(table, "resident memory", "many", "resident", "MiB", Beside.AT_MOST, 512);
        row(table, "**flat out**, 64 connections: calls a second", "flat", "rate", "", Beside.AT_LEAST, 12_000);
        row(table, "processor per call", "flat", "cpu", "us", Beside.TIMES, -1);
        row(table, "upstream's processor per call", "flat", "upstream", "us", Beside.NOTHING, -1);
        OptionalDouble start = value("start", "lockkeeper", "millis");
        if (start.isPresent()) {
            table.append("| **start**: from `serve` to the first answer | | | %s | | ≤ 1 s%s |\n"
                    .formatted(form(start.getAsDouble() * 1000, "ms"), mark(start.getAsDouble() <= 1_000)));
        }
        table.append(
                "\nMedians of %d rounds, in turns; least and most of the rounds are in brackets. ".formatted(rounds));
        double failed = seen.entrySet().stream()
                .filter(each -> each.getKey().endsWith(" failed"))
                .flatMap(each -> each.getValue().stream())
                .mapToDouble(Double::doubleValue)
                .sum();
        table.append("Calls that failed, in all: %.0f. ".formatted(failed))
                .append(String.join(" ", remarks))
                .append('\n');
        return table.toString();
    }

    private enum Beside {
        /** What the gateway adds to the direct way. */
        ADDED,
        /** The gateway's cost as a multiple of nginx's. */
        TIMES,
        /** The gateway's figure may be at most so much. */
        AT_MOST,
        /** The gateway's figure must be at least so much. */
        AT_LEAST,
        NOTHING
    }

    private void row(
            StringBuilder table, String name, String scenario, String what, String unit, Beside beside, double target) {
        if (value(scenario, "direct", what).isEmpty()
                && value(scenario, "lockkeeper", what).isEmpty()) {
            return;
        }
        table.append("| ").append(name);
        boolean ownCost = what.equals("cpu") || what.equals("resident");
        for (String way : WAYS) {
            OptionalDouble value =
                    ownCost && way.equals("direct") ? OptionalDouble.empty() : value(scenario, way, what);
            table.append(" | ")
                    .append(value.isEmpty() ? "" : form(value.getAsDouble(), unit) + range(scenario, way, what, unit));
        }
        OptionalDouble own = value(scenario, "lockkeeper", what);
        OptionalDouble direct = value(scenario, "direct", what);
        OptionalDouble nginxs = value(scenario, "nginx", what);
        table.append(" | ");
        if (own.isPresent()) {
            switch (beside) {
                case ADDED -> {
                    double added = own.getAsDouble() - direct.orElse(0);
                    table.append('+').append(form(added, unit)).append(" | ");
                    if (target >= 0) {
                        table.append("≤ +")
                                .append(Picture.trimmed(target))
                                .append(' ')
                                .append(unit)
                                .append(mark(added / 1000 <= target));
                    }
                }
                case TIMES -> {
                    if (nginxs.isPresent()) {
                        double times = own.getAsDouble() / nginxs.getAsDouble();
                        table.append(String.format(Locale.ROOT, "%.2fx | ", times));
                        if (target >= 0) {
                            table.append("≤ ").append(target).append('x').append(mark(times <= target));
                        }
                    } else {
                        table.append("| ");
                    }
                }
                case AT_MOST ->
                    table.append("| ≤ %.0f %s%s".formatted(target, unit, mark(own.getAsDouble() <= target)));
                case AT_LEAST -> table.append("| ≥ %,.0f%s".formatted(target, mark(own.getAsDouble() >= target)));
                case NOTHING -> table.append("| ");
            }
        } else {
            table.append("| ");
        }
        table.append(" |\n");
    }

    private static String mark(boolean met) {
        return met ? " ✓" : " ✗";
    }

    /** Times come in microseconds. */
    private static String form(double value, String unit) {
        return switch (unit) {
            case "ms" -> String.format(Locale.ROOT, value < 100_000 ? "%.3f ms" : "%.0f ms", value / 1000);
            case "us" -> String.format(Locale.ROOT, "%.1f µs", value);
            case "MiB" -> String.format(Locale.ROOT, "%.0f MiB", value);
            default -> String.format(Locale.ROOT, "%,.0f", value);
        };
    }

    private String range(String scenario, String way, String what, String unit) {
        List<Double> values = seen.getOrDefault(scenario + " " + way + " " + what, List.of());
        if (values.size() < 2) {
            return "";
        }
        double least = values.stream().mapToDouble(Double::doubleValue).min().orElse(0);
        double most = values.stream().mapToDouble(Double::doubleValue).max().orElse(0);
        return " (" + form(least, unit).split(" ")[0] + "–" + form(most, unit).split(" ")[0] + ")";
    }

    private OptionalDouble value(String scenario, String way, String what) {
        List<Double> values = seen.get(scenario + " " + way + " " + what);
        if (values == null || values.isEmpty()) {
            return OptionalDouble.empty();
        }
        double[] sorted =
                values.stream().mapToDouble(Double::doubleValue).sorted().toArray();
        int middle = sorted.length / 2;
        return OptionalDouble.of(sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2);
    }

    String picture() {
        Picture picture = new Picture(
                "What Lockkeeper costs beside a plain nginx proxy and beside nothing",
                Machine.told() + (nginx == null ? "" : ", " + nginx));
        bars(picture, "Processor per call at 1,000/s", "unary", "cpu", "us", List.of("nginx", "lockkeeper"));
        bars(picture, "Processor per chunk, 100 streams", "streams", "cpu", "us", List.of("nginx", "lockkeeper"));
        bars(picture, "Processor per chunk, 1,000 streams", "many", "cpu", "us", List.of("nginx", "lockkeeper"));
        bars(picture, "Latency at 1,000/s, p50", "unary", "p50", "ms", WAYS);
        bars(picture, "Latency at 1,000/s, p99", "unary", "p99", "ms", WAYS);
        bars(picture, "100,000-token prompt, p50", "prompt", "p50", "ms", WAYS);
        bars(picture, "Calls a second, flat out", "flat", "rate", "", WAYS);
        bars(picture, "Memory with 1,000 streams", "many", "resident", "MiB", List.of("nginx", "lockkeeper"));
        bars(picture, "From serve to the first answer", "start", "millis", "s", List.of("lockkeeper"));
        return picture.svg();
    }

    private void bars(Picture picture, String name, String scenario, String what, String unit, List<String> ways) {
        double[] values = ways.stream()
                .mapToDouble(way -> value(scenario, way, what).orElse(-1))
                .toArray();
        String[] names = ways.stream()
                .map(way -> way.equals("lockkeeper") ? "Lockkeeper" : way)
                .toArray(String[]::new);
        picture.bars(
                name,
                names,
                values,
                value -> unit.equals("s") ? String.format(Locale.ROOT, "%.2f s", value / 1000) : form(value, unit),
                names.length - 1);
    }
}
