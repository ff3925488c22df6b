package dev.lockkeeper.dialect.openai;

/**
 * A place in a request that names an object by its id.
 *
 * @param param the member, as in {@code previous_response_id} or {@code tools[0].vector_store_ids[1]}
 * @param id the id
 * @param kind what is named; of one that is not {@link ObjectKind#owned} nobody keeps whose it is
 */
public record Reference(String param, String id, ObjectKind kind) {}
