package dev.lockkeeper.settings;

import dev.lockkeeper.routing.Abilities;
import dev.lockkeeper.routing.Anchor;
import dev.lockkeeper.routing.Catalog;
import dev.lockkeeper.routing.Choose;
import dev.lockkeeper.routing.Condition;
import dev.lockkeeper.routing.ModelSettings;
import dev.lockkeeper.routing.ModelSettings.CaseSettings;
import dev.lockkeeper.routing.ModelSettings.Profile;
import dev.lockkeeper.routing.ModelSettings.RankedTarget;
import dev.lockkeeper.routing.ModelSettings.TargetSettings;
import dev.lockkeeper.routing.Policy;
import dev.lockkeeper.routing.Share;
import dev.lockkeeper.upstream.ProviderSettings;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Reads the section {@code models}. */
final class Models {
    /** It stands in URLs, log lines and error messages. */
    private static final Pattern NAME = Pattern.compile("[!-~]([ -~]{0,254}[!-~])?");

    private static final Type<Long> TOKENS = Type.integer(1, 1_000_000_000);

    private static final Type<Profile> PROFILE = Type.choice(
            List.of(Profile.AUTO, Profile.REASONING, Profile.SAMPLING, Profile.EXACT),
            profile -> profile.name().toLowerCase(Locale.ROOT));

    private static final Type<Choose> CHOOSE = Type.choice(List.of(Choose.values()), Choose::word);

    private static final Type<Anchor> STICKY = Type.choice(
            Stream.of(Anchor.values()).filter(each -> each != Anchor.CALL).toList(), Anchor::word);

    private static final Type<Anchor> BY = Type.choice(
            Stream.of(Anchor.values())
                    .filter(each -> each != Anchor.RESPONSE && each != Anchor.PROMPT_CACHE_KEY)
                    .toList(),
            Anchor::word);

    private static final Type<String> CASE = Type.text(
            "name",
            "a name of letters, digits, dots, hyphens and underscores, at most 63",
            "[A-Za-z0-9][A-Za-z0-9._-]{0,62}");

    private static final Type<String> OTHER = Type.text("model", "the name of a model", NAME.pattern());

    private final Reading reading;
    private final Catalog catalog;
    private final Targets targets;
    private final Conditions conditions;
    private final Policies policies;

    Models(Reading reading, Catalog catalog, List<ProviderSettings> providers) {
        this.reading = reading;
        this.catalog = catalog;
        this.targets = new Targets(reading, NAME, providers);
        this.conditions = new Conditions(reading, providers);
        this.policies = new Policies(reading, providers);
    }

    List<ModelSettings> read(Section models) {
        List<ModelSettings> read = new ArrayList<>();
        Map<String, List<Setting<String>>> fallbacks = new LinkedHashMap<>();
        for (Section section : models.each(Models::longForm)) {
            if (!NAME.matcher(section.name()).matches()) {
                reading.mistake(
                        section.place(),
                        section.key(),
                        Shown.value(section.name()),
                        "a name of printable ASCII, 1 to 256 characters",
                        null);
            }
            ModelSettings model = model(section, fallbacks);
            section.end();
            if (model != null) {
                read.add(model);
            }
        }
        checkFallbacks(fallbacks);
        return read;
    }

    /** {@code gpt-5.5: openai} and {@code gpt-5.5: [openai, azure/gpt]} say the targets and nothing else. */
    private static Piece longForm(Piece piece) {
        return switch (piece) {
            case Piece.Members mapping -> mapping;
            case Piece.Items list -> targets(list);
            case Piece.Text one -> targets(new Piece.Items(List.of(one), one.place(), 2));
        };
    }

    private static Piece targets(Piece.Items list) {
        Piece.Member member = new Piece.Member(list.place(), list);
        return new Piece.Members(Map.of("targets", member), list.place(), list.size() + 2);
    }

    private @Nullable ModelSettings model(Section section, Map<String, List<Setting<String>>> fallbacks) {
        Choosing usual = choosing(section);
        List<CaseSettings> cases = cases(section, usual);
        Setting<Profile> profile = section.value("profile", PROFILE, Profile.AUTO);
        List<TargetSettings> all = cases.stream()
                .flatMap(each -> each.ranks().stream())
                .flatMap(List::stream)
                .map(RankedTarget::target)
                .distinct()
                .toList();
        List<Catalog.Known> known = all.stream()
                .map(each -> catalog.find(each.model()))
                .filter(Objects::nonNull)
                .toList();
        long knownContext =
                known.stream().mapToLong(Catalog.Known::context).max().orElse(0);
        long knownOutput =
                known.stream().mapToLong(Catalog.Known::maxOutput).max().orElse(0);
        Setting<Long> context = tokens(section, "context", knownContext);
        Setting<Long> maxOutput = tokens(section, "max-output", knownOutput);
        if (context.usable()
                && maxOutput.usable()
                && maxOutput.written()
                && context.value() > 0
                && maxOutput.value() > context.value()) {
            reading.mistake(maxOutput, "at most context, which is " + context.value());
        }
        Policy policy = policies.read(section, all);
        List<String> fallback = fallback(section, fallbacks);
        if (cases.isEmpty()) {
            return null;
        }
        Abilities said = new Abilities(
                context.value() == knownContext ? 0 : context.value(),
                maxOutput.value() == knownOutput ? 0 : maxOutput.value(),
                Set.of(),
                Set.of(),
                Set.of(),
                Set.of());
        return new ModelSettings(
                section.name(),
                cases.stream().map(each -> saying(each, said)).toList(),
                fallback,
                profile.value(),
                context.value(),
                maxOutput.value(),
                policy);
    }

    /** What is said of a model holds for its targets, but for those of which something else is said. */
    private static CaseSettings saying(CaseSettings at, Abilities said) {
        if (said.context() == 0 && said.maxOutput() == 0) {
            return at;
        }
        List<List<RankedTarget>> ranks = at.ranks().stream()
                .map(rank -> rank.stream()
                        .map(each -> new RankedTarget(each.target(), each.weight(), both(each.abilities(), said)))
                        .toList())
                .toList();
        return new CaseSettings(at.name(), at.when(), at.share(), ranks, at.choose(), at.sticky());
    }

    private static Abilities both(Abilities target, Abilities model) {
        return new Abilities(
                target.context() > 0 ? target.context() : model.context(),
                target.maxOutput() > 0 ? target.maxOutput() : model.maxOutput(),
                target.takes(),
                target.lacks(),
                target.efforts(),
                target.endpoints());
    }

    private static Setting<Long> tokens(Section section, String name, long known) {
        if (known > 0) {
            return section.value(name, TOKENS, known, "the catalogue's");
        }
        // Zero says unknown in the record; nobody can write it.
        Setting<Optional<Long>> written = section.optional(name, TOKENS, "unknown");
        return new Setting<>(
                written.value().orElse(0L), written.place(), written.key(), written.shown(), written.usable());
    }

    /** How the order within a rank comes about. */
    private record Choosing(Choose choose, Anchor sticky) {}

    /** Who writes what a choice sticks to wants it to stick. */
    private Choosing choosing(Section section) {
        Setting<Optional<Anchor>> sticky = section.optional("sticky", STICKY, Anchor.PROMPT_CACHE_KEY.word());
        Setting<Choose> choose = section.value(
                "choose",
                CHOOSE,
                sticky.value().isPresent() ? Choose.STICKY : Choose.WEIGHT,
                "weight, with sticky sticky");
        checkSticks(sticky, choose.usable() && choose.value() != Choose.STICKY);
        return new Choosing(choose.value(), sticky.value().orElse(Anchor.PROMPT_CACHE_KEY));
    }

    private Choosing choosing(Section section, Choosing usual) {
        Setting<Optional<Choose>> choose = section.ifWritten("choose", CHOOSE, "the model's");
        Setting<Optional<Anchor>> sticky = section.ifWritten("sticky", STICKY, "the model's");
        checkSticks(sticky, choose.value().isPresent() && choose.value().get() != Choose.STICKY);
        Choose byDefault = sticky.value().isPresent() ? Choose.STICKY : usual.choose;
        return new Choosing(choose.value().orElse(byDefault), sticky.value().orElse(usual.sticky));
    }

    private void checkSticks(Setting<Optional<Anchor>> sticky, boolean otherwise) {
        if (otherwise && sticky.value().isPresent()) {
            reading.mistake(sticky, "choose: sticky beside it; nothing else looks at it");
        }
    }

    /** {@code targets} is one case for any call. */
    private List<CaseSettings> cases(Section section, Choosing usual) {
        List<Section> written = section.items("cases");
        if (written.isEmpty() && (!section.has("cases") || section.has("targets"))) {
            List<List<RankedTarget>> ranks = targets.read(section, section.name());
            return ranks.isEmpty()
                    ? List.of()
                    : List.of(new CaseSettings("", Condition.ALWAYS, null, ranks, usual.choose, usual.sticky));
        }
        section.refuse("targets", "cases stand here; write these targets as the last of them: - targets: […]");
        List<CaseSettings> cases = new ArrayList<>();
        List<Setting<Condition>> before = new ArrayList<>();
        Set<String> names = new HashSet<>();
        for (int i = 0; i < written.size(); i++) {
            Section each = written.get(i);
            String number = String.valueOf(i + 1);
            Setting<String> name = each.value("name", CASE, number, "its number");
            if (name.usable() && !names.add(name.value())) {
                reading.mistake(name, "a name that no other case of the model has");
            }
            Setting<Condition> when = conditions.read(each.section("when"));
            Share share = share(each);
            Choosing choosing = choosing(each, usual);
            List<List<RankedTarget>> ranks = targets.read(each, section.name());
            each.end();
            if (when.usable()
                    && each.clean()
                    && Reach.never(before.stream().map(Setting::value).toList(), when.value())) {
                boolean any = when.value().terms().isEmpty();
                reading.mistake(
                        any ? each.place() : when.place(),
                        any ? each.key() : when.key(),
                        null,
                        "this case is never reached: "
                                + (before.size() == 1 ? "the case before it takes" : "those before it take")
                                + " every call that it is for",
                        null);
            }
            if (when.usable() && share == null) {
                before.add(when);
            }
            conditions.checkRegions(when, ranks);
            if (!ranks.isEmpty()) {
                cases.add(new CaseSettings(name.value(), when.value(), share, ranks, choosing.choose, choosing.sticky));
            }
        }
        return cases;
    }

    private @Nullable Share share(Section section) {
        Setting<Optional<Double>> percent = section.ifWritten("share", Type.percent(), "all");
        Setting<Optional<Anchor>> by = section.ifWritten("by", BY, "project");
        if (percent.value().isEmpty()) {
            if (by.written() && percent.usable()) {
                reading.mistake(by, "share beside it, such as share: 5%");
            }
            return null;
        }
        return new Share(percent.value().get(), by.value().orElse(Anchor.PROJECT));
    }

    private List<String> fallback(Section section, Map<String, List<Setting<String>>> fallbacks) {
        Setting<List<Setting<String>>> written = section.list("fallback", OTHER, "none", piece -> piece);
        Set<String> seen = new LinkedHashSet<>();
        for (Setting<String> each : written.value()) {
            if (!seen.add(each.value())) {
                reading.mistake(each, "each model once");
            }
        }
        fallbacks.put(section.name(), written.value());
        return List.copyOf(seen);
    }

    private void checkFallbacks(Map<String, List<Setting<String>>> fallbacks) {
        fallbacks.forEach((model, written) -> {
            for (Setting<String> each : written) {
                if (!fallbacks.containsKey(each.value())) {
                    reading.mistake(each, "a model that is written here", Near.to(each.value(), fallbacks.keySet()));
                    continue;
                }
                List<String> way = way(each.value(), model, fallbacks, new HashSet<>());
                if (!way.isEmpty()) {
                    reading.mistake(
                            each,
                            "a model that does not fall back on this one: "
                                    + String.join(
                                            " -> ",
                                            Stream.concat(Stream.of(model), way.stream())
                                                    .map(Shown::value)
                                                    .toList()));
                }
            }
        });
    }

    /** How falling back leads from one model to another; empty where it does not. */
    private static List<String> way(
            String from, String to, Map<String, List<Setting<String>>> fallbacks, Set<String> seen) {
        if (from.equals(to)) {
            return List.of(to);
        }
        if (!seen.add(from)) {
            return List.of();
        }
        for (Setting<String> next : fallbacks.getOrDefault(from, List.of())) {
            List<String> rest = way(next.value(), to, fallbacks, seen);
            if (!rest.isEmpty()) {
                return Stream.concat(Stream.of(from), rest.stream()).toList();
            }
        }
        return List.of();
    }
}
