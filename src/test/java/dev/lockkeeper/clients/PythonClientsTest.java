package dev.lockkeeper.clients;

import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.TestInstance;

/** The clients for Python against a running gateway: OpenAI's own, and bare HTTP with requests and httpx. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class PythonClientsTest {
    private Scripts python;
    private Gateway gateway;

    @BeforeAll
    void start() {
        python = Scripts.python();
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
        return python.suite("openai_suite.py", gateway);
    }

    @TestFactory
    Stream<DynamicTest> bareHttp() {
        return python.suite("bare_suite.py", gateway);
    }
}
