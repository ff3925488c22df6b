package dev.lockkeeper.dialect.openai;

/** A kind of object that the API makes and names by an id. */
public enum ObjectKind {
    /** {@code file-…}. */
    FILE(true),
    /** {@code upload_…}. */
    UPLOAD(true),
    /** {@code batch_…}. */
    BATCH(true),
    /** {@code resp_…}. */
    RESPONSE(true),
    /** {@code chatcmpl-…}, kept only when the call said {@code store: true}. */
    CHAT_COMPLETION(true),
    /** {@code conv_…}. */
    CONVERSATION(true),
    /** {@code vs_…}. */
    VECTOR_STORE(true),
    /** {@code cntr_…}, the sandbox of the code interpreter; referred to in bodies only. */
    CONTAINER(true),
    /**
     * {@code msg_…}, {@code rs_…}, {@code fc_…}: what a response put out or a conversation holds, and a later request may
     * refer to.
     */
    OUTPUT_ITEM(true),
    /** {@code audio_…}: what a chat completion said aloud, and a later request may refer to. */
    AUDIO(true),
    /** {@code part_…}, a part of an upload. */
    UPLOAD_PART(true),
    /** A file's place in a vector store: lives inside its vector store. */
    VECTOR_STORE_FILE(false),
    /** {@code vsfb_…}, files put into a vector store together. */
    VECTOR_STORE_FILE_BATCH(true),
    /** An item as a conversation's path names it: lives inside its conversation. */
    ITEM(false),
    /** A model's name: nobody's property. */
    MODEL(false);

    private final boolean owned;

    ObjectKind(boolean owned) {
        this.owned = owned;
    }

    /** Whether its own id has an owner; where not, the object it lives inside (named earlier in the path) has. */
    public boolean owned() {
        return owned;
    }
}
