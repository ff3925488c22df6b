package dev.lockkeeper.ledger;

/**
 * Who pays for a call.
 *
 * @param organization id
 * @param project id; it belongs to the organization
 * @param key id; it belongs to the project
 * @param endUser the project's own name for its user; empty when the call named none
 * @param tag the caller's own mark for statements; empty for none
 */
public record Payer(String organization, String project, String key, String endUser, String tag) {}
