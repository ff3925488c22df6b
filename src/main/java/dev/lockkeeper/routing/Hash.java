package dev.lockkeeper.routing;

/** Numbers that texts stand for, the same on every node and in every process. */
final class Hash {
    private static final long BASIS = 0xcbf29ce484222325L;
    private static final long PRIME = 0x100000001b3L;

    private Hash() {}

    /** Of a text. FNV-1a over its characters. */
    static long of(String text) {
        long hash = BASIS;
        for (int i = 0; i < text.length(); i++) {
            hash = (hash ^ text.charAt(i)) * PRIME;
        }
        return mix(hash);
    }

    /** From 0, exclusive, to 1, exclusive: evenly for whatever texts the two numbers stand for. */
    static double unit(long hash, long salt) {
        return unit(mix(hash ^ Long.rotateLeft(salt, 32)));
    }

    /** From 0, exclusive, to 1, exclusive, of 64 even bits. */
    static double unit(long bits) {
        return ((bits >>> 12) + 0.5) * 0x1p-52;
    }

    /** The finalizer of SplitMix64: each bit of the one number changes half of the other's. */
    private static long mix(long bits) {
        long mixed = (bits ^ (bits >>> 30)) * 0xbf58476d1ce4e5b9L;
        mixed = (mixed ^ (mixed >>> 27)) * 0x94d049bb133111ebL;
        return mixed ^ (mixed >>> 31);
    }
}
