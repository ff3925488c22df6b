package dev.lockkeeper.routing;

/** What calls cost, as far as targets are chosen by it. From memory, any thread. */
@FunctionalInterface
public interface Costs {
    /** No price is known. */
    Costs UNKNOWN = (_, _, _) -> -1;

    /**
     * About what a call costs at a target.
     *
     * @return nano-dollars, or a negative number where no price is known
     */
    long nanos(Target at, Traits call, long nowMillis);
}
