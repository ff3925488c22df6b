package dev.lockkeeper.http;

/** Carries a {@link Fault} where an exception is the only way. */
public final class FaultException extends RuntimeException {
    private static final long serialVersionUID = 1L;
    private final transient Fault fault;

    public FaultException(Fault fault) {
        super(fault.kind() + ": " + fault.detail());
        this.fault = fault;
    }

    /** What happened. */
    public Fault fault() {
        return fault;
    }
}
