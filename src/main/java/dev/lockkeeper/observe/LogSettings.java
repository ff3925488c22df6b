package dev.lockkeeper.observe;

/**
 * What is said aloud.
 *
 * @param calls whether each call gets its line
 * @param format of the process's own messages on standard error: {@code text} or {@code json}
 * @param level least level of those messages: {@code error}, {@code warn}, {@code info}, {@code debug}
 */
public record LogSettings(boolean calls, String format, String level) {}
