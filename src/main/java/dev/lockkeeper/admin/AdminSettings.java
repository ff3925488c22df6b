package dev.lockkeeper.admin;

import java.util.List;

/**
 * Where the admin port listens.
 *
 * @param host address
 * @param port port, 0 for any free one
 * @param allowedHosts names accepted in {@code Host} besides addresses and {@code localhost}: a page on the web cannot
 *     reach the port through a name of its own
 */
public record AdminSettings(String host, int port, List<String> allowedHosts) {
    public AdminSettings {
        allowedHosts = List.copyOf(allowedHosts);
    }
}
