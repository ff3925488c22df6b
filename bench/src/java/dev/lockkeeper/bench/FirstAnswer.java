package dev.lockkeeper.bench;

import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;

/** Waiting for a server that is starting to answer a call. */
final class FirstAnswer {
    private static final long AT_MOST_NANOS = TimeUnit.SECONDS.toNanos(60);
    private static final byte[] GOOD = "HTTP/1.1 200".getBytes(StandardCharsets.US_ASCII);

    private FirstAnswer() {}

    /**
     * Returns when a call was answered with 200, tried every two milliseconds.
     *
     * @throws IllegalStateException when the process ends, or after a minute
     */
    static void await(int port, String request, Child process) {
        byte[] bytes = request.getBytes(StandardCharsets.US_ASCII);
        long until = System.nanoTime() + AT_MOST_NANOS;
        while (!answered(port, bytes)) {
            if (!process.alive() || System.nanoTime() > until) {
                throw new IllegalStateException("no answer, the process said: " + process.said());
            }
            Pause.millis(2);
        }
    }

    private static boolean answered(int port, byte[] request) {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
            socket.getOutputStream().write(request);
            byte[] head = socket.getInputStream().readNBytes(GOOD.length);
            return java.util.Arrays.equals(head, GOOD);
        } catch (IOException notYet) {
            return false;
        }
    }
}
