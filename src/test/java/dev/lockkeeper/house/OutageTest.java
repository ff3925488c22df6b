package dev.lockkeeper.house;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.testing.OutageTrial;
import org.junit.jupiter.api.Test;

/** Callers notice nothing of providers that die and come back, as long as one of them is well. */
class OutageTest {
    @Test
    void eachCallGetsItsWholeAnswerWhileProvidersDieAndComeBack() throws Exception {
        OutageTrial.Result seen = new OutageTrial(800, 80, 7).run();
        assertThat(seen.outages()).isPositive();
        assertThat(seen.wrong()).isEmpty();
        assertThat(seen.whole()).isEqualTo(800);
    }
}
