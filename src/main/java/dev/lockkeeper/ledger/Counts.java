package dev.lockkeeper.ledger;

import dev.lockkeeper.units.HostedCalls;
import dev.lockkeeper.units.Usage;

/** The counts of a usage as columns: the order is the same in all tables. */
final class Counts {
    static final String[] COLUMNS = {
        "fresh_input",
        "cached_input",
        "cached_audio_input",
        "cached_image_input",
        "written_input",
        "written_long_input",
        "audio_input",
        "image_input",
        "text_output",
        "reasoning_output",
        "audio_output",
        "image_output",
        "accepted_output",
        "rejected_output",
        "audio_millis",
        "images",
        "web_searches",
        "file_searches",
        "containers",
        "hosted_images",
        "hosted_image_input",
        "hosted_image_output",
        "hosted_others"
    };

    private Counts() {}

    static long[] of(Usage usage) {
        HostedCalls hosted = usage.hosted();
        return new long[] {
            usage.freshInput(),
            usage.cachedInput(),
            usage.cachedAudioInput(),
            usage.cachedImageInput(),
            usage.writtenInput(),
            usage.writtenLongInput(),
            usage.audioInput(),
            usage.imageInput(),
            usage.textOutput(),
            usage.reasoningOutput(),
            usage.audioOutput(),
            usage.imageOutput(),
            usage.acceptedOutput(),
            usage.rejectedOutput(),
            usage.audioMillis(),
            usage.images(),
            hosted.webSearches(),
            hosted.fileSearches(),
            hosted.containers(),
            hosted.images(),
            hosted.imageInput(),
            hosted.imageOutput(),
            hosted.others()
        };
    }
}
