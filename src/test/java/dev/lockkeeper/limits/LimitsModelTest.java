package dev.lockkeeper.limits;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.limits.LimitsTest.Time;
import dev.lockkeeper.limits.Subject.Kind;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.jspecify.annotations.Nullable;

/** Any sequence of calls, held against a few lines that count the same by hand. The clock stands still. */
class LimitsModelTest {
    private static final String[] KEYS = {"key_1", "key_2", "key_3"};
    private static final String[] USERS = {"", "alice", "bob"};

    /** A call that is under way, and what it took. */
    private record Running(Permit permit, List<Limit> limits, List<Subject> subjects, long tokens) {}

    @Property(tries = 300)
    void aCallComesInExactlyWhenAllItsLimitsHaveRoomAndElseTakesNothing(@ForAll long seed) {
        Random random = new Random(seed);
        Time time = new Time();
        Limits limits = new Limits(null, time, time::nanos);
        List<Limit> all = limits(random);
        limits.follow(all);
        Map<String, Long> used = new HashMap<>();
        List<Running> running = new ArrayList<>();
        for (int step = 0; step < 200; step++) {
            if (random.nextInt(3) == 0 && !running.isEmpty()) {
                end(running.remove(random.nextInt(running.size())), random, used);
                continue;
            }
            Scoped who =
                    new Scoped("org_1", "proj_1", KEYS[random.nextInt(3)], USERS[random.nextInt(3)], "gpt", "openai");
            long tokens = random.nextInt(60);
            List<Limit> going = new ArrayList<>();
            List<Subject> subjects = new ArrayList<>();
            boolean room = true;
            for (Limit each : all) {
                Subject subject = concrete(each.subject(), who);
                if (subject != null) {
                    long asked = asked(each, tokens);
                    room &= asked == 0 || used.getOrDefault(name(each, subject), 0L) + asked <= each.amount();
                    going.add(each);
                    subjects.add(subject);
                }
            }
            Entry entry = limits.enter(who, tokens);
            assertThat(entry instanceof Permit).as("step " + step).isEqualTo(room);
            if (entry instanceof Permit permit) {
                for (int i = 0; i < going.size(); i++) {
                    used.merge(name(going.get(i), subjects.get(i)), asked(going.get(i), tokens), Long::sum);
                }
                running.add(new Running(permit, going, subjects, tokens));
            } else if (entry instanceof Entry.Refused refused) {
                assertThat(refused.used()).isEqualTo(used.getOrDefault(name(refused.limit(), refused.subject()), 0L));
                assertThat(refused.used() + refused.asked()).isGreaterThan(refused.allowed());
            }
        }
    }

    private static void end(Running call, Random random, Map<String, Long> used) {
        long actual = random.nextInt(90);
        call.permit.correct(actual);
        call.permit.leave();
        call.permit.leave();
        for (int i = 0; i < call.limits.size(); i++) {
            Limit limit = call.limits.get(i);
            String name = name(limit, call.subjects.get(i));
            switch (limit.measure().unit()) {
                case TOKENS -> used.merge(name, actual - call.tokens, Long::sum);
                case CALLS -> used.merge(name, -1L, Long::sum);
                case REQUESTS -> {}
            }
        }
    }

    private static List<Limit> limits(Random random) {
        List<Limit> limits = new ArrayList<>();
        for (Subject subject : List.of(
                new Subject(Kind.END_USER, "proj_1/*"),
                new Subject(Kind.KEY, Subject.EACH),
                new Subject(Kind.PROJECT, "proj_1"),
                new Subject(Kind.ORGANIZATION, "org_1"),
                new Subject(Kind.MODEL, "gpt"),
                new Subject(Kind.PROVIDER, "openai"))) {
            for (Measure measure : Measure.values()) {
                if (random.nextInt(3) == 0) {
                    long amount = measure.unit() == Measure.Unit.TOKENS ? 500 : 1 + random.nextInt(30);
                    limits.add(new Limit(subject, measure, amount, amount, 0));
                }
            }
        }
        return limits;
    }

    private static @Nullable Subject concrete(Subject subject, Scoped who) {
        return switch (subject.kind()) {
            case END_USER -> who.endUser().isEmpty() ? null : new Subject(Kind.END_USER, "proj_1/" + who.endUser());
            case KEY -> new Subject(Kind.KEY, who.key());
            case PROJECT, ORGANIZATION, MODEL, PROVIDER -> subject;
        };
    }

    private static long asked(Limit limit, long tokens) {
        return limit.measure().unit() == Measure.Unit.TOKENS ? tokens : 1;
    }

    private static String name(Limit limit, Subject subject) {
        return subject + " " + limit.measure();
    }
}
