package dev.lockkeeper.door;

import java.util.List;

/**
 * Who may come in from a browser.
 *
 * @param corsOrigins origins that pages may call from, such as {@code https://app.example.com}, or {@code *}; empty: none
 */
public record DoorSettings(List<String> corsOrigins) {
    public DoorSettings {
        corsOrigins = List.copyOf(corsOrigins);
    }
}
