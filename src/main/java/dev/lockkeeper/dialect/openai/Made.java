package dev.lockkeeper.dialect.openai;

/**
 * An object that came to be by a call.
 *
 * @param kind what it is
 * @param id its name
 */
public record Made(ObjectKind kind, String id) {}
