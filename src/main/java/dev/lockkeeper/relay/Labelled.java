package dev.lockkeeper.relay;

/** What came of reading a call's labels. */
sealed interface Labelled permits Labels, Labels.Wrong {}
