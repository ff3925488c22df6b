package dev.lockkeeper.units;

/**
 * What a provider's hosted tools did for one answer: things that are billed beside the answer's tokens.
 * Calls are at most {@link Usage#MOST_PIECES}, tokens at most {@link Usage#MOST}.
 *
 * @param webSearches searches of the web
 * @param fileSearches searches of vector stores
 * @param containers containers that code ran in, each counted once
 * @param images pictures that the image tool made
 * @param imageInput tokens that the image tool read; none of them is in the answer's own usage
 * @param imageOutput tokens that the image tool made; none of them is in the answer's own usage
 * @param others calls of other hosted tools: computers, remote MCP servers, shells
 */
public record HostedCalls(
        long webSearches,
        long fileSearches,
        long containers,
        long images,
        long imageInput,
        long imageOutput,
        long others) {
    /** No hosted tool was called. */
    public static final HostedCalls NONE = new HostedCalls(0, 0, 0, 0, 0, 0, 0);

    /** These and others together; a count beyond its bound is told as that. */
    HostedCalls plus(HostedCalls more) {
        return new HostedCalls(
                Math.min(Usage.MOST_PIECES, webSearches + more.webSearches),
                Math.min(Usage.MOST_PIECES, fileSearches + more.fileSearches),
                Math.min(Usage.MOST_PIECES, containers + more.containers),
                Math.min(Usage.MOST_PIECES, images + more.images),
                Math.min(Usage.MOST, imageInput + more.imageInput),
                Math.min(Usage.MOST, imageOutput + more.imageOutput),
                Math.min(Usage.MOST_PIECES, others + more.others));
    }

    public HostedCalls {
        Counts.pieces(webSearches, "webSearches");
        Counts.pieces(fileSearches, "fileSearches");
        Counts.pieces(containers, "containers");
        Counts.pieces(images, "images");
        Counts.check(imageInput, "imageInput");
        Counts.check(imageOutput, "imageOutput");
        Counts.pieces(others, "others");
    }
}
