package dev.lockkeeper.admin;

import dev.lockkeeper.admin.Statement.Row;
import dev.lockkeeper.ledger.Statements.Unusual;
import dev.lockkeeper.ledger.Statements.UnusualSum;
import dev.lockkeeper.ledger.Sums;
import dev.lockkeeper.units.Money;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.time.Instant;
import java.time.LocalDate;
import java.time.format.DateTimeFormatter;
import java.time.format.TextStyle;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;

/** A statement as a page: whole in itself, without scripts, made for paper as much as for a screen. */
final class StatementPage {
    static final String STYLE = """
            @page { size: A4; margin: 16mm 15mm 18mm }
            * { box-sizing: border-box }
            html { color-scheme: light; background: #eef0f3 }
            body { font: 14px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; color: #1c2430;
              background: #fff; max-width: 60rem; margin: 2rem auto; padding: 3rem 3.25rem; border-radius: 6px;
              box-shadow: 0 1px 4px #0b152b26 }
            header { display: flex; justify-content: space-between; align-items: flex-start; gap: 2rem; border-bottom: 2px solid #12324f;
              padding-bottom: 1.1rem; margin-bottom: 1.6rem }
            .small { color: #5a6675; font-size: .86rem }
            .kind { color: #12324f; font-weight: 600; letter-spacing: .08em; text-transform: uppercase; font-size: .74rem }
            h1 { font-size: 1.9rem; line-height: 1.15; margin: .15rem 0 .3rem; letter-spacing: -.01em; overflow-wrap: anywhere }
            h2 { font-size: 1.02rem; margin: 2.1rem 0 .5rem; color: #12324f; break-after: avoid }
            .due { text-align: right; white-space: nowrap }
            .due b { display: block; font-size: 1.9rem; line-height: 1.2; font-weight: 650; font-variant-numeric: tabular-nums }
            .facts { display: grid; grid-template-columns: repeat(4, 1fr); gap: 1px; background: #d9dfe6; border: 1px solid #d9dfe6;
              border-radius: 4px; overflow: hidden; margin: 0 }
            .facts div { background: #f7f9fb; padding: .6rem .85rem }
            .facts dt { color: #5a6675; font-size: .78rem }
            .facts dd { margin: 0; font-size: 1.12rem; font-weight: 600; font-variant-numeric: tabular-nums }
            svg { display: block; width: 100%; height: auto; break-inside: avoid }
            svg text { font: 10.5px system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; fill: #5a6675 }
            .bar { fill: #2b6ca3 } .weekend { fill: #7fa8ca } .grid { stroke: #dfe4ea; stroke-width: 1 } .base { stroke: #8793a1 }
            table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
            thead { display: table-header-group } tr { break-inside: avoid }
            th { text-align: right; font-weight: 600; font-size: .78rem; color: #5a6675; border-bottom: 1px solid #b9c3ce; padding: .3rem .5rem;
              vertical-align: bottom }
            td { text-align: right; border-bottom: 1px solid #e6eaef; padding: .34rem .5rem; vertical-align: top }
            th:first-child, td:first-child { text-align: left; padding-left: 0; overflow-wrap: anywhere; min-width: 8em }
            th:last-child, td:last-child { padding-right: 0 }
            th.text, td.text { text-align: left }
            tfoot td { font-weight: 650; border-top: 1.5px solid #8793a1; border-bottom: 0 }
            .id { display: block; color: #7a8693; font: 11.5px/1.4 ui-monospace, "SF Mono", Menlo, Consolas, monospace }
            .days { columns: 3; column-gap: 2.2rem } .days table { break-inside: auto }
            .note { background: #fff8e8; border-left: 3px solid #d99a1c; padding: .55rem .9rem; margin: .6rem 0; break-inside: avoid }
            footer { margin-top: 2.4rem; padding-top: .8rem; border-top: 1px solid #d9dfe6; color: #5a6675; font-size: .8rem }
            footer p { margin: .25rem 0 }
            @media screen and (max-width: 46rem) {
              body { margin: 0; padding: 1.25rem; border-radius: 0 } header { flex-direction: column; gap: .8rem } .due { text-align: left }
              .facts { grid-template-columns: repeat(2, 1fr) } .days { columns: 1 } table { font-size: .88rem } }
            @media print {
              html { font-size: 12.5px } html, body { background: #fff } body { margin: 0; padding: 0; max-width: none; box-shadow: none; border-radius: 0; font-size: 12px }
              table { font-size: 10.5px } th { font-size: 9.5px } th, td { padding-left: .25rem; padding-right: .25rem } .id { font-size: 9.5px }
              .bar, .weekend, .facts div, .note { print-color-adjust: exact; -webkit-print-color-adjust: exact } a { color: inherit } }
            """;

    private static final int CENTS = 2;
    private static final int DECIMALS = 4;
    private static final DateTimeFormatter MINUTE = DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm", Locale.ROOT);

    private final Statement statement;
    private final boolean cost;
    private final StringBuilder page = new StringBuilder(16_384);

    private StatementPage(Statement statement, boolean cost) {
        this.statement = statement;
        this.cost = cost && statement.markup().basisPoints() != 0;
    }

    /** @param cost whether what the providers cost and the markup are shown beside what is charged */
    static String of(Statement statement, boolean cost) {
        return new StatementPage(statement, cost).page();
    }

    private String page() {
        String title = "Statement for " + statement.project().name() + ", " + month();
        page.append("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
                .append("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>")
                .append(escaped(title))
                .append("</title>\n<style>")
                .append(STYLE)
                .append("</style>\n</head>\n<body>\n");
        head();
        facts();
        chart();
        models();
        keys();
        unusual();
        days();
        foot();
        return page.append("</body>\n</html>\n").toString();
    }

    private String month() {
        return statement.month().getMonth().getDisplayName(TextStyle.FULL, Locale.ENGLISH) + " "
                + statement.month().getYear();
    }

    private void head() {
        page.append("<header>\n<div><div class=\"kind\">Statement of usage</div><h1>")
                .append(escaped(statement.project().name()))
                .append("</h1><div>")
                .append(escaped(statement.organization()))
                .append("</div><div class=\"small\">")
                .append(month())
                .append(", days of ")
                .append(escaped(statement.zone().getId()))
                .append(over() ? "" : " &middot; the month is not over")
                .append("</div></div>\n<div class=\"due\"><span class=\"small\">Total</span><b>")
                .append(dollars(statement.charged(), CENTS))
                .append("</b><span class=\"small\">exactly ")
                .append(exact(statement.charged()))
                .append("</span></div>\n</header>\n");
    }

    private boolean over() {
        return !statement
                .month()
                .plusMonths(1)
                .atDay(1)
                .atStartOfDay(statement.zone())
                .toInstant()
                .isAfter(statement.made());
    }

    private void facts() {
        Sums total = statement.total();
        page.append("<dl class=\"facts\">\n");
        fact("Calls", count(total.calls()));
        fact("Tokens read", count(total.input()));
        fact("of these from caches", count(total.cached()));
        fact("Tokens written", count(total.output()));
        if (cost) {
            fact("Cost at providers", dollars(total.costNanos(), CENTS));
            fact(
                    statement.markup().basisPoints() < 0 ? "Discount" : "Markup",
                    statement.markup().percent());
            fact("which is", dollars(Math.subtractExact(statement.charged(), total.costNanos()), CENTS));
            fact("Charged", dollars(statement.charged(), CENTS));
        }
        page.append("</dl>\n");
    }

    private void fact(String name, String value) {
        page.append("<div><dt>")
                .append(escaped(name))
                .append("</dt><dd>")
                .append(value)
                .append("</dd></div>\n");
    }

    /** Bars, drawn in the units of its view box. */
    private void chart() {
        long most = statement.days().stream().mapToLong(Row::charged).max().orElse(0);
        page.append("<h2>By day</h2>\n");
        if (most <= 0) {
            page.append("<p class=\"small\">Nothing was charged in this month.</p>\n");
            return;
        }
        long step = step(most);
        long top = Math.ceilDiv(most, step) * step;
        int width = 860;
        int height = 190;
        int left = 64;
        int floor = height - 22;
        int ceiling = 10;
        page.append("<svg viewBox=\"0 0 ")
                .append(width)
                .append(' ')
                .append(height)
                .append("\" role=\"img\" aria-label=\"Amount by day\">\n");
        for (long at = 0; at <= top; at += step) {
            double y = floor - (floor - ceiling) * share(at, top);
            page.append("<line class=\"")
                    .append(at == 0 ? "base" : "grid")
                    .append("\" x1=\"")
                    .append(left)
                    .append("\" x2=\"")
                    .append(width)
                    .append("\" y1=\"")
                    .append(number(y))
                    .append("\" y2=\"")
                    .append(number(y))
                    .append("\"/><text x=\"")
                    .append(left - 8)
                    .append("\" y=\"")
                    .append(number(y + 3.5))
                    .append("\" text-anchor=\"end\">")
                    .append(new Money(at))
                    .append("</text>\n");
        }
        List<Row> days = statement.days();
        double slot = (width - left) / (double) days.size();
        for (int i = 0; i < days.size(); i++) {
            Row each = days.get(i);
            LocalDate day = LocalDate.parse(each.id());
            double x = left + slot * i;
            double bar = (floor - ceiling) * share(Math.max(0, each.charged()), top);
            page.append("<rect class=\"")
                    .append(day.getDayOfWeek().getValue() >= 6 ? "weekend" : "bar")
                    .append("\" x=\"")
                    .append(number(x + slot * 0.14))
                    .append("\" width=\"")
                    .append(number(slot * 0.72))
                    .append("\" y=\"")
                    .append(number(floor - bar))
                    .append("\" height=\"")
                    .append(number(bar))
                    .append("\"><title>")
                    .append(each.id())
                    .append(": ")
                    .append(dollars(each.charged(), DECIMALS))
                    .append("</title></rect>");
            if (i == 0 || ((i + 1) % 5 == 0 && days.size() - i > 2) || i == days.size() - 1) {
                page.append("<text x=\"")
                        .append(number(x + slot / 2))
                        .append("\" y=\"")
                        .append(height - 6)
                        .append("\" text-anchor=\"middle\">")
                        .append(i + 1)
                        .append("</text>");
            }
            page.append('\n');
        }
        page.append("</svg>\n<p class=\"small\">Saturdays and Sundays are lighter.</p>\n");
    }

    /** How far the lines of the scale are apart: 1, 2 or 5 times a power of ten, at most five lines. */
    private static long step(long most) {
        long step = 1;
        int[] times = {2, 5, 10};
        long power = 1;
        for (int i = 0; most / step >= 5; i++) {
            step = power * times[i % 3];
            power = i % 3 == 2 ? power * 10 : power;
        }
        return step;
    }

    private static double share(long part, long whole) {
        return part / (double) whole;
    }

    private static String number(double value) {
        return String.format(Locale.ROOT, "%.1f", value);
    }

    private void models() {
        page.append("<h2>By model</h2>\n");
        table("Model", statement.models(), false);
    }

    private void keys() {
        page.append("<h2>By key</h2>\n");
        table("Key", statement.keys(), true);
    }

    private void table(String what, List<Row> rows, boolean ids) {
        page.append("<table>\n<thead><tr><th>")
                .append(what)
                .append("</th><th>Calls</th><th>Estimated</th><th>Tokens read</th><th>from caches</th><th>written</th>")
                .append(cost ? "<th>Cost</th>" : "")
                .append("<th>Amount</th></tr></thead>\n<tbody>\n");
        for (Row each : rows) {
            page.append("<tr><td>").append(escaped(each.name()));
            if (ids && !each.name().equals(each.id())) {
                page.append("<span class=\"id\">").append(escaped(each.id())).append("</span>");
            }
            page.append("</td>");
            cells(each.sums(), each.charged());
        }
        page.append("</tbody>\n<tfoot><tr><td>All</td>");
        cells(statement.total(), statement.charged());
        page.append("</tfoot>\n</table>\n");
    }

    private void cells(Sums sums, long charged) {
        cell(count(sums.calls()));
        cell(sums.estimated() == 0 ? "" : count(sums.estimated()));
        cell(count(sums.input()));
        cell(count(sums.cached()));
        cell(count(sums.output()));
        if (cost) {
            cell(dollars(sums.costNanos(), DECIMALS));
        }
        cell(dollars(charged, DECIMALS));
        page.append("</tr>\n");
    }

    private void cell(String text) {
        page.append("<td>").append(text).append("</td>");
    }

    private void unusual() {
        long estimated = statement.total().estimated();
        long recovered = statement.entries("recovered");
        long overruns = statement.entries("overrun");
        if (estimated + recovered + overruns == 0) {
            return;
        }
        page.append("<h2>What to know of these sums</h2>\n");
        if (estimated > 0) {
            note(
                    "Estimated",
                    count(estimated) + " of " + count(statement.total().calls())
                            + " calls: their provider told no usage that could be relied on, so it was counted or bounded here.");
        }
        if (recovered > 0) {
            note(
                    "Recovered",
                    count(recovered)
                            + " of the estimated calls were under way when the gateway was ended by force. They stand"
                            + " here with what was set aside for them, " + sum("recovered") + ": an upper bound.");
        }
        if (overruns > 0) {
            note(
                    "Overruns",
                    count(overruns)
                            + " calls were billed beyond what the provider had been allowed and the budget could pay: "
                            + overrun() + " beyond, of " + sum("overrun") + " in all.");
        }
        if (!statement.unusual().isEmpty()) {
            page.append("<table>\n<thead><tr><th>When</th><th class=\"text\">Kind</th><th class=\"text\">Model</th>")
                    .append("<th class=\"text\">Call</th><th>Beyond</th><th>Amount</th></tr></thead>\n<tbody>\n");
            for (Unusual each : statement.unusual()) {
                page.append("<tr><td>")
                        .append(MINUTE.format(
                                Instant.ofEpochMilli(each.atMillis()).atZone(statement.zone())))
                        .append("</td><td class=\"text\">")
                        .append(escaped(each.kind()))
                        .append("</td><td class=\"text\">")
                        .append(escaped(each.model()))
                        .append("</td><td class=\"text\"><span class=\"id\">")
                        .append(escaped(each.callId()))
                        .append("</span></td><td>")
                        .append(each.overrunNanos() == 0 ? "" : charged(each.overrunNanos()))
                        .append("</td><td>")
                        .append(charged(each.costNanos()))
                        .append("</td></tr>\n");
            }
            page.append("</tbody>\n</table>\n");
            if (recovered + overruns > statement.unusual().size()) {
                page.append("<p class=\"small\">The newest ")
                        .append(statement.unusual().size())
                        .append(" of ")
                        .append(count(recovered + overruns))
                        .append(".</p>\n");
            }
        }
    }

    private void note(String what, String text) {
        page.append("<p class=\"note\"><b>")
                .append(what)
                .append(".</b> ")
                .append(text)
                .append("</p>\n");
    }

    private String sum(String kind) {
        return charged(statement.unusualSums().stream()
                .filter(each -> each.kind().equals(kind))
                .mapToLong(UnusualSum::costNanos)
                .sum());
    }

    private String overrun() {
        return charged(statement.unusualSums().stream()
                .mapToLong(UnusualSum::overrunNanos)
                .sum());
    }

    private String charged(long costNanos) {
        return exact(statement.markup().charged(costNanos));
    }

    private void days() {
        page.append("<h2>Amounts by day</h2>\n<div class=\"days\"><table>\n<tbody>\n");
        for (Row each : statement.days()) {
            LocalDate day = LocalDate.parse(each.id());
            page.append("<tr><td>")
                    .append(day.getDayOfWeek().getDisplayName(TextStyle.SHORT, Locale.ENGLISH))
                    .append(' ')
                    .append(each.id())
                    .append("</td><td>")
                    .append(each.sums().calls() == 0 ? "&ndash;" : dollars(each.charged(), DECIMALS))
                    .append("</td></tr>\n");
        }
        page.append("</tbody>\n</table></div>\n");
    }

    private void foot() {
        page.append(
                        "<footer>\n<p>A call belongs to the day on which it began. Amounts are US dollars, added up exactly and shown")
                .append(" rounded, halves up; the rows of each table add up to its total to the nano-dollar");
        if (cost) {
            page.append(". Charged is cost &times; (10,000 ")
                    .append(statement.markup().basisPoints() < 0 ? "&minus; " : "+ ")
                    .append(Math.abs(statement.markup().basisPoints()))
                    .append(") / 10,000, rounded once for each table's total");
        }
        page.append(".</p>\n<p>Project ")
                .append(escaped(statement.project().id()))
                .append(" &middot; made ")
                .append(MINUTE.format(statement.made().atZone(statement.zone())))
                .append(' ')
                .append(escaped(statement.zone().getId()))
                .append(" by Lockkeeper</p>\n</footer>\n");
    }

    private static String exact(long nanos) {
        return new Money(nanos).toString();
    }

    /** Rounded, halves up, with thousands apart. */
    static String dollars(long nanos, int decimals) {
        BigDecimal amount = BigDecimal.valueOf(nanos, 9).setScale(decimals, RoundingMode.HALF_UP);
        return (amount.signum() < 0 ? "&minus;$" : "$")
                + String.format(Locale.ROOT, "%,." + decimals + "f", amount.abs());
    }

    private static String count(long count) {
        return String.format(Locale.ROOT, "%,d", count);
    }

    private static final Map<Character, String> ESCAPES =
            Map.of('&', "&amp;", '<', "&lt;", '>', "&gt;", '"', "&quot;", '\'', "&#39;");

    /** A text for the page: names are what operators and clients wrote. */
    static String escaped(String text) {
        StringBuilder safe = new StringBuilder(text.length());
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            String escape = ESCAPES.get(c);
            if (escape != null) {
                safe.append(Objects.requireNonNull(escape));
            } else if (c >= ' ') {
                safe.append(c);
            }
        }
        return safe.toString();
    }
}
