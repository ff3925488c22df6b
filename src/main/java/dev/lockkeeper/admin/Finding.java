package dev.lockkeeper.admin;

import tools.jackson.databind.node.ObjectNode;

/**
 * What the doctor found at one point.
 *
 * @param provider the provider that was looked at
 * @param point what was looked at: {@code proxy}, {@code dns}, {@code tcp}, {@code tls}, {@code credentials},
 *     {@code models}, {@code first-token}, {@code prices}
 * @param state how it is
 * @param detail what was seen; never a secret
 * @param mend what to do, empty where nothing needs to be done
 */
public record Finding(String provider, String point, State state, String detail, String mend) {
    /** How something is. */
    public enum State {
        /** As it should be. */
        OK,
        /** It works, or can't be told, but is worth knowing. */
        WARN,
        /** Calls will fail. */
        FAIL
    }

    /** The finding as JSON. */
    public ObjectNode json() {
        return Json.object()
                .put("provider", provider)
                .put("point", point)
                .put("state", word())
                .put("detail", detail)
                .put("mend", mend);
    }

    /** {@code ok}, {@code warn} or {@code fail}. */
    public String word() {
        return switch (state) {
            case OK -> "ok";
            case WARN -> "warn";
            case FAIL -> "fail";
        };
    }
}
