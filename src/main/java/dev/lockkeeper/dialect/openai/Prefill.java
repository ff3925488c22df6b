package dev.lockkeeper.dialect.openai;

/** Whether an upstream goes on with an assistant's message that stands last in a chat, and how it is asked to. */
public enum Prefill {
    /** It doesn't: an assistant's message at the end is refused, or answered. */
    NONE,
    /** That message says {@code "prefix": true}: DeepSeek (beta), Mistral. */
    PREFIX,
    /** The request says {@code "continue_final_message": true, "add_generation_prompt": false}: vLLM, SGLang. */
    CONTINUE_FINAL_MESSAGE
}
