package dev.lockkeeper.repeats;

/** What is known of an idempotency key when a call comes with it. */
public sealed interface Claim {
    /**
     * The key was free and is this call's now. What became of the call is told once: {@link KeptAnswers#keep},
     * {@link KeptAnswers#keepNot} or {@link KeptAnswers#free}.
     *
     * @param keyId id of the API key
     * @param name hash of the idempotency key
     * @param callId the call's id
     */
    record Mine(String keyId, Name name, String callId) implements Claim {}

    /** The call was answered already. */
    record Kept(Answer answer) implements Claim {}

    /** The key stands for another request. */
    record OtherRequest() implements Claim {}

    /** Another node is at it. */
    record RunsElsewhere() implements Claim {}

    /** The call was answered, but with more than is kept. */
    record NotKept() implements Claim {}

    /** The call was answered, and only the node that did so can read what it kept. */
    record KeptElsewhere() implements Claim {}
}
