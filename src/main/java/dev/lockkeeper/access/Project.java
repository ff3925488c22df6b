package dev.lockkeeper.access;

/**
 * What is budgeted: keys belong to one.
 *
 * @param id {@code proj_…}
 * @param name unique in its organization
 * @param organizationId who pays
 * @param createdMillis milliseconds since 1970; 0 for the project that every database starts with
 * @param keys how many keys it has that work
 */
public record Project(String id, String name, String organizationId, long createdMillis, int keys) {}
