package dev.lockkeeper.admin;

/** Which models and providers there are, as far as is known: without a server nobody has read the configuration. */
public interface Offered {
    /** Takes every name. */
    Offered ANYTHING = new Offered() {
        @Override
        public boolean model(String name) {
            return true;
        }

        @Override
        public boolean provider(String name) {
            return true;
        }
    };

    /** Whether clients can ask for a model of this name. */
    boolean model(String name);

    /** Whether there is a provider of this name. */
    boolean provider(String name);
}
