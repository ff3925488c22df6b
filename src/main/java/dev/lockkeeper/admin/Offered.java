package dev.lockkeeper.admin;

/** Which models, providers and regions there are, as far as is known: without a server nobody has read the configuration. */
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

        @Override
        public boolean region(String name) {
            return true;
        }

        @Override
        public boolean share(String model, String named) {
            return true;
        }
    };

    /** Whether clients can ask for a model of this name. */
    boolean model(String name);

    /** Whether there is a provider of this name. */
    boolean provider(String name);

    /** Whether a provider keeps what it is sent in a region of this name. */
    boolean region(String name);

    /** Whether a model has a case of this name that takes a share of its calls. */
    boolean share(String model, String named);
}
