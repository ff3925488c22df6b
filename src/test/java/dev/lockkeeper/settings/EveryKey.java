package dev.lockkeeper.settings;

import dev.lockkeeper.testing.Pem;
import java.nio.file.Path;
import java.util.Map;

/** A configuration that sets every key there is to something other than its default. */
final class EveryKey {
    static final String YAML = """
            server:
              loops: 3
              host: 0.0.0.0
              port: 9000
              max-request-body: 1GiB
              max-head: 32KiB
              head-timeout: 5s
              body-timeout: 1500ms
              keep-alive: 2m
              max-connections: 5000
              trusted-proxies: [10.0.0.0/8, "2001:db8::/32", 192.0.2.7, unix]
              forwarded-field: forwarded
              proxy-protocol: true
              unix-socket: run/lockkeeper.sock
              unix-socket-mode: 0600
              drain-delay: 5s
              drain: 0
              tls: {certificate: tls/certificate.pem, key: tls/key.pem}
              cors:
                origins:
                  - https://app.example.com
                  - http://localhost:3000
            admin:
              host: "::1"
              port: 9001
              allowed-hosts: [gateway.internal, ops]
            data: elsewhere/data
            database:
              url: postgres://db1.internal,db2.internal:6432/gate%20way?sslmode=verify-ca
              user: lockkeeper
              password: ${DATABASE_PASSWORD}
              schema: gateway
              connections: 20
              connect-timeout: 2s
              start-wait: 5m
              tls: verify-full
              ca: tls/ca.pem
            stream: {heartbeat: 0, gather: 20ms, max-event: 1MB, resume-for: 90s, resume-max: 64KiB, resume-total: 32MiB}
            limits: {bytes-in-flight: 40%, calls-in-flight: 700, max-input-tokens: 200000, multipart-peek: 1MiB, spill: /var/tmp/spill,
                     unbounded-cost: true, background-wait: 12h, batch-wait: 30h,
                     later-look: 5m}
            idempotency:
              keep-for: 12h
              go-on: 1m
              max-answer: 1MiB
              max-total: 2GiB
              secret: idempotency-secret-of-32-letters-or-more
            ledger: {max-open-holds: 5000, min-free-disk: 1GiB, segment-size: 1MiB, force-every: 10ms, without-database: allow}
            end-users: {hash-key: pepper}
            fair-queue: {providers: [azure], wait: 3s, weights: {org_default: 5}}
            reload: {watch: false}
            log: {calls: false, format: json, level: debug, client: network}
            providers:
              azure:
                base-url: https://example.openai.azure.com:8443/openai/v1/
                auth: api-key
                api-key: ${AZURE_KEY}
                headers: {x-team: blue, X-Trace: "a: b # c"}
                query: {api-version: preview, "odd name": "ü & ${UNSET:-z}"}
                private-addresses: true
                timeouts: {connect: 1s, first-byte: 2m, first-token: 15s, idle: 30s, total: 1h}
                http: 2
                pool: {connections: 10, wait: 0s, queue: 0, keep-alive: 10s}
                proxy:
                  url: https://proxy.internal:3129
                  username: me
                  password: ${PROXY_PASSWORD}
                  no-proxy: [.example.org, 10.0.0.0/8, "[::1]:443"]
                  ca: tls/ca.pem
                tls: {ca: tls/ca.pem, certificate: tls/certificate.pem, key: tls/key.pem, server-name: api.example.com}
                region: [eu, eu-west]
                prefill: prefix
                breaker: {window: 20s, calls: 5, failures: 60%, slow: 90%, slow-after: 20s, open: 500ms, probes: 1}
                concurrency: {min: 2, max: 50, queue: 10, wait: 1s}
                retry-budget: 15%
                probe: 30s
              several:
                base-url: https://several.example.com/v1
                keys: [{name: first, key: "${SEVERAL_KEY}", weight: 3}, several-secret-2]
                region: us
                headers: {x-team: red}
                query: {api-version: v1}
            models:
              gpt-5.5:
                targets: [azure/my-deployment, {provider: azure, model: "second one"}]
                choose: sticky
                sticky: conversation
                profile: exact
                context: 1000
                max-output: 999
                retry: {attempts: 5, first-wait: 100ms, longest-wait: 10s, total: 20s, content-policy: true}
                deadline: 90s
                first-token: 8s
                hedge: {share: 2.5%, cost: $1/day}
                broken-stream: end
                buffer: until-complete
                fallback: [auto]
              auto:
                choose: sticky
                sticky: organization
                profile: sampling
                context: 2000
                max-output: 1999
                cases:
                  - name: hard
                    when: {complexity: critical, not: {stream: true}}
                    share: 20%
                    by: end-user
                    choose: sticky
                    sticky: key
                    targets: [[azure/a, {target: azure/b, weight: 3, context: 9, max-output: 8, tools: true, images: false, efforts: [low, high]}], azure/c]
                retry: {attempts: 1, first-wait: 1s, longest-wait: 20s, total: 30s, content-policy: true}
                deadline: 80s
                first-token: off
                broken-stream: end
                buffer: until-complete
                fallback: [last]
              last:
                targets: [azure]
                choose: sticky
                sticky: organization
                profile: sampling
                context: 2000
                max-output: 1999
                retry: {attempts: 1, first-wait: 1s, longest-wait: 20s, total: 30s, content-policy: true}
                deadline: 80s
                first-token: 1s
                broken-stream: end
                buffer: until-complete
                fallback: []
            prices:
              unpriced: {input: $30, output: $180, audio-minute: $1, image: $0.50, request: $0.01}
              providers:
                azure:
                  fees: {web-search: $0.01, container: $0.03, tool-image-output: $40}
                  models:
                    my-deployment:
                      valid-from: 2026-10-01
                      valid-until: 2027-01-01
                      input: $2.50
                      cached-input: $0.25
                      output: $15
                      audio-minute: $0.006
                      image: $0.04
                      request: $0
                      long: {over: 272000, input: $5, output: $22.50}
                      batch: 50%
                      flex: {share: 40%, output: $6}
                    second one: [{like: gpt-5.5}, {valid-from: 2027-01-01, input: $1, output: $2}]
            alerts:
              webhook:
                url: https://hooks.internal:8443/lockkeeper?team=blue
                secret: ${WEBHOOK_SECRET}
                private-addresses: true
                proxy: {url: "https://proxy.internal:3129", username: me, password: "${PROXY_PASSWORD}", no-proxy: [.example.org], ca: tls/ca.pem}
            """;

    static final Map<String, String> ENVIRONMENT = Map.of(
            "AZURE_KEY",
            "azure-secret-1",
            "PROXY_PASSWORD",
            "proxy-secret-1",
            "WEBHOOK_SECRET",
            "webhook-secret-1",
            "DATABASE_PASSWORD",
            "database-secret-1",
            "SEVERAL_KEY",
            "several-secret-1");

    static Config in(Path folder) {
        return Config.in(folder)
                .with(ENVIRONMENT)
                .file(YAML)
                .file("tls/ca.pem", Pem.of("authority.test").certificate())
                .file("tls/certificate.pem", Pem.of("settings.test").certificate())
                .file("tls/key.pem", Pem.of("settings.test").key());
    }

    private EveryKey() {}
}
