package dev.lockkeeper.units;

/**
 * What a call used, in tokens unless said otherwise, as the upstream counts them for its bill. The buckets are disjoint: a
 * token is in exactly one of them, so a bill is their sum, each at its own price.
 *
 * @param freshInput text of the prompt that no cache knew
 * @param cachedInput text of the prompt read from the provider's prompt cache
 * @param cachedAudioInput audio of the prompt read from that cache
 * @param cachedImageInput pictures of the prompt read from that cache
 * @param writtenInput prompt, whatever it holds, written to that cache for a short time (5 or 30 minutes)
 * @param writtenLongInput the same for a long time (an hour and more)
 * @param audioInput audio of the prompt that no cache knew
 * @param imageInput pictures of the prompt that no cache knew
 * @param textOutput generated text
 * @param reasoningOutput generated reasoning, shown or hidden
 * @param audioOutput generated audio
 * @param imageOutput generated pictures
 * @param acceptedOutput text that the client predicted and the model took over
 * @param rejectedOutput text that the client predicted in vain; generated and billed, but in no answer
 * @param audioMillis milliseconds of audio, where the provider counts time and not tokens
 * @param characters characters spoken, where the provider counts them and not tokens
 * @param images pictures made, at most {@link #MOST_PIECES}
 * @param hosted what hosted tools did
 * @param tier the service tier that the answer reports, as the upstream calls it; empty when unknown
 * @param estimated true when the upstream told nothing and the numbers are this gateway's own count
 */
public record Usage(
        long freshInput,
        long cachedInput,
        long cachedAudioInput,
        long cachedImageInput,
        long writtenInput,
        long writtenLongInput,
        long audioInput,
        long imageInput,
        long textOutput,
        long reasoningOutput,
        long audioOutput,
        long imageOutput,
        long acceptedOutput,
        long rejectedOutput,
        long audioMillis,
        long characters,
        long images,
        HostedCalls hosted,
        String tier,
        boolean estimated) {
    /**
     * The largest count of a bucket: more than any model reads or writes in a call, and so small that no sum of counts and
     * no bill can overflow.
     */
    public static final long MOST = 1_000_000_000;

    /** The largest count of what is billed by the piece: pictures, calls of hosted tools. */
    public static final long MOST_PIECES = 1_000_000;

    /** Nothing was used. */
    public static final Usage NONE = new Usage.Builder().build();

    public Usage {
        Counts.check(freshInput, "freshInput");
        Counts.check(cachedInput, "cachedInput");
        Counts.check(cachedAudioInput, "cachedAudioInput");
        Counts.check(cachedImageInput, "cachedImageInput");
        Counts.check(writtenInput, "writtenInput");
        Counts.check(writtenLongInput, "writtenLongInput");
        Counts.check(audioInput, "audioInput");
        Counts.check(imageInput, "imageInput");
        Counts.check(textOutput, "textOutput");
        Counts.check(reasoningOutput, "reasoningOutput");
        Counts.check(audioOutput, "audioOutput");
        Counts.check(imageOutput, "imageOutput");
        Counts.check(acceptedOutput, "acceptedOutput");
        Counts.check(rejectedOutput, "rejectedOutput");
        Counts.check(audioMillis, "audioMillis");
        Counts.check(characters, "characters");
        Counts.pieces(images, "images");
    }

    /** Plain text read and written, nothing cached, as the upstream told it. */
    public static Usage of(long input, long output) {
        return new Builder().freshInput(input).textOutput(output).build();
    }

    /** Text read and written by this gateway's own count; a count beyond {@link #MOST} is told as that. */
    public static Usage estimate(long input, long output) {
        return new Builder()
                .freshInput(Math.min(input, MOST))
                .textOutput(Math.min(output, MOST))
                .estimated(true)
                .build();
    }

    /** All tokens of the prompt. */
    public long input() {
        return freshInput + cached() + written() + audioInput + imageInput;
    }

    /** All generated tokens, hidden reasoning included. */
    public long output() {
        return textOutput + reasoningOutput + audioOutput + imageOutput + acceptedOutput + rejectedOutput;
    }

    /** Of {@link #input}, what was read from the provider's prompt cache. */
    public long cached() {
        return cachedInput + cachedAudioInput + cachedImageInput;
    }

    /** Of {@link #input}, what was written to the provider's prompt cache. */
    public long written() {
        return writtenInput + writtenLongInput;
    }

    /** The same in another service tier. */
    public Usage withTier(String newTier) {
        return toBuilder().tier(newTier).build();
    }

    /** This and another together, in this one's tier; a count beyond its bound is told as that. */
    public Usage plus(Usage other) {
        return new Builder()
                .freshInput(Math.min(MOST, freshInput + other.freshInput))
                .cachedInput(Math.min(MOST, cachedInput + other.cachedInput))
                .cachedAudioInput(Math.min(MOST, cachedAudioInput + other.cachedAudioInput))
                .cachedImageInput(Math.min(MOST, cachedImageInput + other.cachedImageInput))
                .writtenInput(Math.min(MOST, writtenInput + other.writtenInput))
                .writtenLongInput(Math.min(MOST, writtenLongInput + other.writtenLongInput))
                .audioInput(Math.min(MOST, audioInput + other.audioInput))
                .imageInput(Math.min(MOST, imageInput + other.imageInput))
                .textOutput(Math.min(MOST, textOutput + other.textOutput))
                .reasoningOutput(Math.min(MOST, reasoningOutput + other.reasoningOutput))
                .audioOutput(Math.min(MOST, audioOutput + other.audioOutput))
                .imageOutput(Math.min(MOST, imageOutput + other.imageOutput))
                .acceptedOutput(Math.min(MOST, acceptedOutput + other.acceptedOutput))
                .rejectedOutput(Math.min(MOST, rejectedOutput + other.rejectedOutput))
                .audioMillis(Math.min(MOST, audioMillis + other.audioMillis))
                .characters(Math.min(MOST, characters + other.characters))
                .images(Math.min(MOST_PIECES, images + other.images))
                .hosted(hosted.plus(other.hosted))
                .tier(tier)
                .estimated(estimated || other.estimated)
                .build();
    }

    /** A builder that holds these counts. */
    public Builder toBuilder() {
        Builder builder = new Builder();
        builder.freshInput = freshInput;
        builder.cachedInput = cachedInput;
        builder.cachedAudioInput = cachedAudioInput;
        builder.cachedImageInput = cachedImageInput;
        builder.writtenInput = writtenInput;
        builder.writtenLongInput = writtenLongInput;
        builder.audioInput = audioInput;
        builder.imageInput = imageInput;
        builder.textOutput = textOutput;
        builder.reasoningOutput = reasoningOutput;
        builder.audioOutput = audioOutput;
        builder.imageOutput = imageOutput;
        builder.acceptedOutput = acceptedOutput;
        builder.rejectedOutput = rejectedOutput;
        builder.audioMillis = audioMillis;
        builder.characters = characters;
        builder.images = images;
        builder.hosted = hosted;
        builder.tier = tier;
        builder.estimated = estimated;
        return builder;
    }

    /** Gathers counts; what is not named is nothing. One thread. */
    public static final class Builder {
        private long freshInput;
        private long cachedInput;
        private long cachedAudioInput;
        private long cachedImageInput;
        private long writtenInput;
        private long writtenLongInput;
        private long audioInput;
        private long imageInput;
        private long textOutput;
        private long reasoningOutput;
        private long audioOutput;
        private long imageOutput;
        private long acceptedOutput;
        private long rejectedOutput;
        private long audioMillis;
        private long characters;
        private long images;
        private HostedCalls hosted = HostedCalls.NONE;
        private String tier = "";
        private boolean estimated;

        /** Sets {@link Usage#freshInput}. */
        public Builder freshInput(long count) {
            freshInput = count;
            return this;
        }

        /** Sets {@link Usage#cachedInput}. */
        public Builder cachedInput(long count) {
            cachedInput = count;
            return this;
        }

        /** Sets {@link Usage#cachedAudioInput}. */
        public Builder cachedAudioInput(long count) {
            cachedAudioInput = count;
            return this;
        }

        /** Sets {@link Usage#cachedImageInput}. */
        public Builder cachedImageInput(long count) {
            cachedImageInput = count;
            return this;
        }

        /** Sets {@link Usage#writtenInput}. */
        public Builder writtenInput(long count) {
            writtenInput = count;
            return this;
        }

        /** Sets {@link Usage#writtenLongInput}. */
        public Builder writtenLongInput(long count) {
            writtenLongInput = count;
            return this;
        }

        /** Sets {@link Usage#audioInput}. */
        public Builder audioInput(long count) {
            audioInput = count;
            return this;
        }

        /** Sets {@link Usage#imageInput}. */
        public Builder imageInput(long count) {
            imageInput = count;
            return this;
        }

        /** Sets {@link Usage#textOutput}. */
        public Builder textOutput(long count) {
            textOutput = count;
            return this;
        }

        /** Sets {@link Usage#reasoningOutput}. */
        public Builder reasoningOutput(long count) {
            reasoningOutput = count;
            return this;
        }

        /** Sets {@link Usage#audioOutput}. */
        public Builder audioOutput(long count) {
            audioOutput = count;
            return this;
        }

        /** Sets {@link Usage#imageOutput}. */
        public Builder imageOutput(long count) {
            imageOutput = count;
            return this;
        }

        /** Sets {@link Usage#acceptedOutput}. */
        public Builder acceptedOutput(long count) {
            acceptedOutput = count;
            return this;
        }

        /** Sets {@link Usage#rejectedOutput}. */
        public Builder rejectedOutput(long count) {
            rejectedOutput = count;
            return this;
        }

        /** Sets {@link Usage#audioMillis}. */
        public Builder audioMillis(long count) {
            audioMillis = count;
            return this;
        }

        /** Sets {@link Usage#characters}. */
        public Builder characters(long count) {
            characters = count;
            return this;
        }

        /** Sets {@link Usage#images}. */
        public Builder images(long count) {
            images = count;
            return this;
        }

        /** Sets {@link Usage#hosted}. */
        public Builder hosted(HostedCalls calls) {
            hosted = calls;
            return this;
        }

        /** Sets {@link Usage#tier}. */
        public Builder tier(String reported) {
            tier = reported;
            return this;
        }

        /** Sets {@link Usage#estimated}. */
        public Builder estimated(boolean own) {
            estimated = own;
            return this;
        }

        /** The usage; throws {@link IllegalArgumentException} when a count is below zero or beyond {@link Usage#MOST}. */
        public Usage build() {
            return new Usage(
                    freshInput,
                    cachedInput,
                    cachedAudioInput,
                    cachedImageInput,
                    writtenInput,
                    writtenLongInput,
                    audioInput,
                    imageInput,
                    textOutput,
                    reasoningOutput,
                    audioOutput,
                    imageOutput,
                    acceptedOutput,
                    rejectedOutput,
                    audioMillis,
                    characters,
                    images,
                    hosted,
                    tier,
                    estimated);
        }
    }
}
