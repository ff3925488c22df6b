package dev.lockkeeper.clients;

import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.TestInstance;

/** The clients for Node.js against a running gateway: OpenAI's own, and the Vercel AI SDK. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class NodeClientsTest {
    private Scripts node;
    private Gateway gateway;

    @BeforeAll
    void start() {
        node = Scripts.node();
        gateway = Gateway.start();
    }

    @AfterAll
    void stop() {
        if (gateway != null) {
            gateway.close();
        }
    }

    @TestFactory
    Stream<DynamicTest> openai() {
        return node.suite("openai.mjs", gateway);
    }

    @TestFactory
    Stream<DynamicTest> vercelAiSdk() {
        return node.suite("ai-sdk.mjs", gateway);
    }
}
