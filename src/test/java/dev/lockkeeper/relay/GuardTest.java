package dev.lockkeeper.relay;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.http.Client;
import dev.lockkeeper.http.Exchange;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Whatever a client or an upstream says, a step that fails is told to the call, and to nobody else. */
class GuardTest {
    private final List<Throwable> crashes = new ArrayList<>();
    private final List<String> heard = new ArrayList<>();

    private final Guard guard = crashes::add;

    static Stream<Method> steps() {
        return Stream.of(Client.Listener.class, Exchange.Intake.class)
                .flatMap(each -> Stream.of(each.getMethods()))
                .filter(each -> !each.isDefault());
    }

    @ParameterizedTest
    @MethodSource("steps")
    void aStepThatFailsIsToldToItsCall(Method step) throws Exception {
        StackOverflowError bug = new StackOverflowError("a mistake");
        say(step, bug);
        assertThat(crashes).containsExactly(bug);
        assertThat(heard).containsExactly(step.getName());
    }

    @ParameterizedTest
    @MethodSource("steps")
    void aStepThatDoesNotFailIsDoneOnce(Method step) throws Exception {
        say(step, null);
        assertThat(crashes).isEmpty();
        assertThat(heard).containsExactly(step.getName());
    }

    /** Says something to a guarded listener, or to a guarded reader of a body. */
    private void say(Method step, @Nullable Error bug) throws Exception {
        Class<?> type = step.getDeclaringClass();
        Object inner = Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, (_, method, _) -> {
            heard.add(method.getName());
            if (bug != null) {
                throw bug;
            }
            return null;
        });
        Object guarded = inner instanceof Client.Listener listener
                ? guard.guarded(listener)
                : guard.guarded((Exchange.Intake) inner);
        Object[] nothing = Stream.of(step.getParameterTypes())
                .map(each -> each == int.class ? (Object) 200 : null)
                .toArray();
        step.setAccessible(true);
        step.invoke(guarded, nothing);
    }
}
