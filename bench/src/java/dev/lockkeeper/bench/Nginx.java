package dev.lockkeeper.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * nginx as a plain proxy before the benchmark's upstream: what relaying costs at the least. With kept connections, an access
 * log, and no buffering of streams.
 *
 * @param child its master process
 * @param ports where it listens, one for each port of the upstream
 */
record Nginx(Child child, List<Integer> ports) implements AutoCloseable {
    private static final List<String> PLACES = List.of(
            "nginx", "/usr/sbin/nginx", "/usr/local/sbin/nginx", "/usr/local/bin/nginx", "/opt/homebrew/bin/nginx");

    /** What it calls itself, such as {@code nginx/1.22.1}; null where there is none. */
    static @Nullable String version() {
        String command = command();
        if (command == null) {
            return null;
        }
        String said = Machine.firstLine(List.of(command, "-v"));
        return said.substring(said.indexOf(':') + 1).strip();
    }

    private static @Nullable String command() {
        for (String each : PLACES) {
            if (Machine.firstLine(List.of(each, "-v")).contains("nginx")) {
                return each;
            }
        }
        return null;
    }

    /** Starts one in a folder of its own, with a worker for each core. */
    static Nginx start(Path folder, List<Integer> upstreams) {
        String command = command();
        if (command == null) {
            throw new IllegalStateException("there is no nginx");
        }
        try {
            Files.createDirectories(folder);
            List<Integer> ports = new ArrayList<>();
            StringBuilder servers = new StringBuilder();
            for (int upstream : upstreams) {
                int port = free();
                ports.add(port);
                servers.append("""
                        upstream u%1$d { server 127.0.0.1:%1$d; keepalive 512; keepalive_requests 100000000; keepalive_time 24h; }
                        server {
                          listen 127.0.0.1:%2$d backlog=4096;
                          location / {
                            proxy_pass http://u%1$d;
                            proxy_http_version 1.1;
                            proxy_set_header Connection "";
                            proxy_buffering off;
                          }
                        }
                        """.formatted(upstream, port));
            }
            Path file = folder.resolve("nginx.conf");
            Files.writeString(file, """
                    %1$s
                    worker_processes auto;
                    daemon off;
                    pid %2$s/pid;
                    error_log %2$s/error.log;
                    events { worker_connections 8192; }
                    http {
                      access_log %2$s/access.log;
                      client_body_temp_path %2$s/body;
                      proxy_temp_path %2$s/proxy;
                      fastcgi_temp_path %2$s/fastcgi;
                      uwsgi_temp_path %2$s/uwsgi;
                      scgi_temp_path %2$s/scgi;
                      client_max_body_size 64m;
                      client_body_buffer_size 1m;
                      keepalive_timeout 300s;
                      keepalive_requests 100000000;
                      proxy_read_timeout 600s;
                      tcp_nodelay on;
                    %3$s}
                    """.formatted(root() ? "user root;" : "", folder, servers));
            Child child = new Child.Plan(
                            "nginx", folder, List.of(command, "-c", file.toString(), "-p", folder.toString()))
                    .start();
            for (int port : ports) {
                awaitOpen(child, port);
            }
            return new Nginx(child, List.copyOf(ports));
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    private static boolean root() {
        return "root".equals(System.getProperty("user.name"));
    }

    /** A port that nobody listens on now. */
    static int free() {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    private static void awaitOpen(Child child, int port) {
        for (int i = 0; i < 1_000; i++) {
            try (Socket _ = new Socket(InetAddress.getLoopbackAddress(), port)) {
                return;
            } catch (IOException notYet) {
                if (!child.alive()) {
                    break;
                }
                Pause.millis(10);
            }
        }
        throw new IllegalStateException("nginx does not listen: " + child.said());
    }

    @Override
    public void close() {
        child.close();
    }
}
