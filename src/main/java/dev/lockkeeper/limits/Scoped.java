package dev.lockkeeper.limits;

/**
 * Everything of a call that a limit may be set on. An empty string stands for none: no limit of that kind is asked.
 *
 * @param organization the organization's id
 * @param project the project's id
 * @param key the key's id
 * @param endUser the end user, as the client names them within the project
 * @param model the model's name, as the client asked for it
 * @param provider the provider's name
 */
public record Scoped(String organization, String project, String key, String endUser, String model, String provider) {}
