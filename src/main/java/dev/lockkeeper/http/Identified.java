package dev.lockkeeper.http;

/** What reading a certificate and its key came to. */
sealed interface Identified permits Identity, Identified.Unusable {
    /**
     * They can't be used.
     *
     * @param why names the file
     */
    record Unusable(String why) implements Identified {}
}
