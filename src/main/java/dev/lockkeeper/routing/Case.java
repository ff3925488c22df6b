package dev.lockkeeper.routing;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** Who serves some of a model's calls, made ready to be asked for each call. */
final class Case {
    final String name;
    final Condition when;
    final @Nullable Share share;
    final long salt;
    final List<Entry[]> ranks;
    final Choose choose;
    final Anchor sticky;

    /** What comes of a call that nothing bars from the only candidate; null where there are several. */
    final @Nullable Plan only;

    Case(
            String model,
            String name,
            Condition when,
            @Nullable Share share,
            List<Entry[]> ranks,
            Choose choose,
            Anchor sticky) {
        this.name = name;
        this.when = when;
        this.share = share;
        this.salt = Hash.of(model + '\n' + name);
        this.ranks = List.copyOf(ranks);
        this.choose = choose;
        this.sticky = sticky;
        this.only = ranks.size() == 1 && ranks.getFirst().length == 1
                ? new Plan(name, List.of(ranks.getFirst()[0].candidate()), List.of())
                : null;
    }
}
