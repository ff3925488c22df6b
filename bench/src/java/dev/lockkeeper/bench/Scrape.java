package dev.lockkeeper.bench;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What a gateway's metrics said at one moment.
 *
 * @param values each sample by its name and labels, as written
 */
record Scrape(Map<String, Double> values) {
    private static final HttpClient HTTP =
            HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(5)).build();

    /** Asks for them at the operator's port. */
    static Scrape of(int adminPort) {
        HttpRequest ask = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + adminPort + "/metrics"))
                .timeout(Duration.ofSeconds(20))
                .build();
        try {
            HttpResponse<String> answer = HTTP.send(ask, HttpResponse.BodyHandlers.ofString());
            if (answer.statusCode() != 200) {
                throw new IllegalStateException("/metrics: " + answer.statusCode() + " (expected: 200)");
            }
            Map<String, Double> values = new LinkedHashMap<>();
            answer.body().lines().filter(line -> !line.startsWith("#")).forEach(line -> {
                int space = line.lastIndexOf(' ');
                values.put(line.substring(0, space), Double.valueOf(line.substring(space + 1)));
            });
            return new Scrape(values);
        } catch (IOException failed) {
            throw new IllegalStateException("/metrics can't be read", failed);
        } catch (InterruptedException stopped) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("stopped", stopped);
        }
    }

    /** The sum of all samples of a name, whatever their labels. */
    double sum(String name) {
        return sum(name, "");
    }

    /** The sum of the samples of a name whose labels contain so. */
    double sum(String name, String label) {
        double sum = 0;
        for (Map.Entry<String, Double> each : values.entrySet()) {
            String key = each.getKey();
            if (key.startsWith(name)
                    && (key.length() == name.length() || key.charAt(name.length()) == '{')
                    && key.contains(label)) {
                sum += each.getValue();
            }
        }
        return sum;
    }
}
