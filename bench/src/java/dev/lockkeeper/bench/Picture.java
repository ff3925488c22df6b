package dev.lockkeeper.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * A picture of small charts side by side, as SVG that reads well on light and dark pages. One series in each chart, named by
 * the chart's title.
 */
final class Picture {
    private static final int COLUMNS = 3;
    private static final int WIDTH = 300;
    private static final int HEIGHT = 150;
    private static final int GAP = 24;
    private static final int MARGIN = 24;
    private static final int TOP = 84;
    private static final int PLOT_LEFT = 0;
    private static final int PLOT_TOP = 40;
    private static final int PLOT_BOTTOM = 20;

    private final String title;
    private final String subtitle;
    private final List<String> charts = new ArrayList<>();

    Picture(String title, String subtitle) {
        this.title = title;
        this.subtitle = subtitle;
    }

    /** How a value is written. */
    interface Form {
        String of(double value);
    }

    /**
     * A line over minutes.
     *
     * @param x minutes
     * @param y as many values
     */
    Picture line(String name, double[] x, double[] y, Form form) {
        double top = 0;
        for (double each : y) {
            top = Math.max(top, each);
        }
        top = niceAbove(top);
        double right = x.length == 0 ? 1 : Math.max(x[x.length - 1], 0.1);
        StringBuilder svg = new StringBuilder();
        double plot = HEIGHT - PLOT_TOP - PLOT_BOTTOM;
        double last = y.length == 0 ? 0 : y[y.length - 1];
        text(svg, "name", 0, 12, "start", name);
        text(svg, "value", WIDTH, 12, "end", form.of(last));
        for (int i = 0; i <= 2; i++) {
            double value = top * i / 2;
            double at = PLOT_TOP + plot * (1 - i / 2.0);
            svg.append(String.format(
                    Locale.ROOT,
                    "<line class='%s' x1='%d' x2='%d' y1='%.1f' y2='%.1f'/>",
                    i == 0 ? "axis" : "grid",
                    PLOT_LEFT,
                    WIDTH,
                    at,
                    at));
            if (i > 0) {
                text(svg, "tick", 0, at - 3, "start", form.of(value));
            }
        }
        StringBuilder points = new StringBuilder();
        for (int i = 0; i < x.length; i++) {
            points.append(
                    String.format(Locale.ROOT, "%.1f,%.1f ", x[i] / right * WIDTH, PLOT_TOP + plot * (1 - y[i] / top)));
        }
        svg.append("<polyline class='line' points='")
                .append(points.toString().strip())
                .append("'/>");
        text(svg, "tick", 0, HEIGHT - 5, "start", "0");
        text(svg, "tick", WIDTH, HEIGHT - 5, "end", trimmed(right) + " min");
        charts.add(svg.toString());
        return this;
    }

    /**
     * Bars, one below the other.
     *
     * @param names of the bars
     * @param values as many; a negative one is not there and is written as a dash
     * @param own the index of the bar that stands out
     */
    Picture bars(String name, String[] names, double[] values, Form form, int own) {
        double top = 0;
        for (double each : values) {
            top = Math.max(top, each);
        }
        StringBuilder svg = new StringBuilder();
        text(svg, "name", 0, 12, "start", name);
        int labels = 78;
        int room = WIDTH - labels - 74;
        int step = Math.min(32, (HEIGHT - 30) / Math.max(1, values.length));
        for (int i = 0; i < values.length; i++) {
            double y = 34 + i * step;
            text(svg, "label", 0, y + 10, "start", names[i]);
            double length = values[i] < 0 || top == 0 ? 0 : Math.max(1, values[i] / top * room);
            svg.append(String.format(
                    Locale.ROOT,
                    "<rect class='%s' x='%d' y='%.1f' width='%.1f' height='14' rx='3'/>",
                    i == own ? "own" : "other",
                    labels,
                    y - 1,
                    length));
            text(svg, "label", labels + length + 6, y + 10, "start", values[i] < 0 ? "–" : form.of(values[i]));
        }
        charts.add(svg.toString());
        return this;
    }

    /** The whole picture. */
    String svg() {
        int rows = (charts.size() + COLUMNS - 1) / COLUMNS;
        int width = 2 * MARGIN + COLUMNS * WIDTH + (COLUMNS - 1) * GAP;
        int height = TOP + rows * HEIGHT + (rows - 1) * GAP + MARGIN;
        StringBuilder svg = new StringBuilder();
        svg.append("<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 %d %d' width='%d' height='%d' role='img'>"
                .formatted(width, height, width, height));
        svg.append("<title>").append(escaped(title)).append("</title>\n");
        svg.append("""
                <style>
                svg { --page: #ffffff; --ink: #1c2530; --soft: #5d6875; --grid: #e6e9ed; --axis: #b9c0c9; --own: #0b6bcb; --other: #aab4c0; }
                @media (prefers-color-scheme: dark) {
                  svg { --page: #12171d; --ink: #e6ebf1; --soft: #97a3b0; --grid: #262e37; --axis: #46515d; --own: #5aaeff; --other: #59656f; }
                }
                text { font-family: system-ui, -apple-system, 'Segoe UI', sans-serif; fill: var(--ink); font-variant-numeric: tabular-nums; }
                .title { font-size: 18px; font-weight: 600; }
                .subtitle { font-size: 12px; fill: var(--soft); }
                .name { font-size: 12.5px; font-weight: 600; }
                .value { font-size: 12.5px; fill: var(--soft); }
                .label { font-size: 12px; }
                .tick { font-size: 10.5px; fill: var(--soft); }
                .page { fill: var(--page); }
                .grid { stroke: var(--grid); }
                .axis { stroke: var(--axis); }
                .line { fill: none; stroke: var(--own); stroke-width: 1.6; stroke-linejoin: round; }
                .own { fill: var(--own); }
                .other { fill: var(--other); }
                </style>
                """);
        svg.append("<rect class='page' width='%d' height='%d' rx='8'/>\n".formatted(width, height));
        text(svg, "title", MARGIN, 36, "start", title);
        text(svg, "subtitle", MARGIN, 56, "start", subtitle);
        for (int i = 0; i < charts.size(); i++) {
            int x = MARGIN + i % COLUMNS * (WIDTH + GAP);
            int y = TOP + i / COLUMNS * (HEIGHT + GAP);
            svg.append("\n<g transform='translate(%d %d)'>".formatted(x, y))
                    .append(charts.get(i))
                    .append("</g>");
        }
        return svg.append("\n</svg>\n").toString();
    }

    private static void text(StringBuilder svg, String kind, double x, double y, String anchor, String text) {
        svg.append(String.format(
                Locale.ROOT,
                "<text class='%s' x='%.1f' y='%.1f' text-anchor='%s'>%s</text>",
                kind,
                x,
                y,
                anchor,
                escaped(text)));
    }

    /** The next of 1, 2, 5 times a power of ten that is not below. */
    private static double niceAbove(double value) {
        if (value <= 0) {
            return 1;
        }
        double unit = Math.pow(10, Math.floor(Math.log10(value)));
        for (double step : new double[] {1, 1.5, 2, 3, 4, 5, 6, 8, 10}) {
            if (unit * step >= value * 1.05) {
                return unit * step;
            }
        }
        return unit * 15;
    }

    /** A number without needless zeros. */
    static String trimmed(double value) {
        return value == Math.rint(value)
                ? Long.toString((long) value)
                : String.format(Locale.ROOT, value < 10 ? "%.2f" : "%.1f", value);
    }

    private static String escaped(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
    }
}
