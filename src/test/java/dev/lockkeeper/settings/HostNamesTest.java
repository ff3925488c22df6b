package dev.lockkeeper.settings;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HostNamesTest {
    @ParameterizedTest
    @ValueSource(
            strings = {
                "127.0.0.1",
                "10.1.2.3",
                "172.16.0.1",
                "172.31.255.255",
                "192.168.1.1",
                "169.254.169.254",
                "100.64.0.1",
                "0.0.0.0",
                "localhost",
                "LOCALHOST",
                "api.localhost",
                "::1",
                "::",
                "fd12::1",
                "fe80::1",
                "::ffff:10.0.0.1",
                "64:ff9b::10.0.0.1",
                "224.0.0.1",
                "fe80::1%no-such-interface"
            })
    void aPrivateAddressIsKnown(String host) {
        assertThat(HostNames.isPrivate(host)).isTrue();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "8.8.8.8",
                "172.15.0.1",
                "172.32.0.1",
                "100.128.0.1",
                "193.168.1.1",
                "api.openai.com",
                "10.example.com",
                "localhost.example.com",
                "2606:4700::1"
            })
    void aPublicAddressIsNotPrivate(String host) {
        assertThat(HostNames.isPrivate(host)).isFalse();
    }

    @Test
    void aNameOfTheOwnNetworkSoundsPrivate() {
        assertThat(HostNames.soundsPrivate("vllm")).isTrue();
        assertThat(HostNames.soundsPrivate("host.docker.internal")).isTrue();
        assertThat(HostNames.soundsPrivate("llm.default.svc.cluster.local")).isTrue();
        assertThat(HostNames.soundsPrivate("api.openai.com")).isFalse();
        assertThat(HostNames.soundsPrivate("2606:4700::1")).isFalse();
    }
}
