package dev.lockkeeper.settings;

import dev.lockkeeper.routing.Abilities;
import dev.lockkeeper.routing.ModelSettings.RankedTarget;
import dev.lockkeeper.routing.ModelSettings.TargetSettings;
import dev.lockkeeper.routing.Skill;
import dev.lockkeeper.upstream.ProviderSettings;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Reads the list {@code targets} of a model, or of a case of one. */
final class Targets {
    private static final int MOST_WEIGHT = 1_000_000;
    private static final Type<Long> WEIGHT = Type.integer(0, MOST_WEIGHT);
    private static final Type<Long> TOKENS = Type.integer(1, 1_000_000_000);

    private final Reading reading;
    private final Pattern name;
    private final Set<String> providers = new TreeSet<>();

    /** @param name what a model may be called */
    Targets(Reading reading, Pattern name, List<ProviderSettings> providers) {
        this.reading = reading;
        this.name = name;
        providers.forEach(provider -> this.providers.add(provider.name()));
    }

    /**
     * Rank after rank; empty if no target can be used.
     *
     * @param model whose targets they are: what a provider alone is asked for
     */
    List<List<RankedTarget>> read(Section section, String model) {
        Setting<List<Piece>> written = section.pieces("targets", "provider/model");
        Set<TargetSettings> seen = new HashSet<>();
        List<List<RankedTarget>> ranks = new ArrayList<>();
        for (int i = 0; i < written.value().size(); i++) {
            String path = written.key() + "[" + i + "]";
            List<RankedTarget> rank = switch (written.value().get(i)) {
                case Piece.Items list -> rank(section, list, path, model, seen);
                case Piece piece ->
                    target(section, piece, path, model, seen).map(List::of).orElse(List.of());
            };
            if (!rank.isEmpty()) {
                ranks.add(rank);
            }
        }
        section.told("targets", "list of targets", "required", yaml(ranks), written);
        if (written.value().isEmpty() && written.usable()) {
            String example = providers.stream().findFirst().orElse("openai") + "/" + Shown.value(model);
            reading.mistake(
                    written.written() ? written.place() : section.place(),
                    section.key() + ".targets",
                    null,
                    "missing; write who serves it: targets: [" + example + "]",
                    null);
        }
        return ranks;
    }

    private List<RankedTarget> rank(
            Section section, Piece.Items list, String path, String model, Set<TargetSettings> seen) {
        List<RankedTarget> rank = new ArrayList<>();
        for (int i = 0; i < list.items().size(); i++) {
            Optional<RankedTarget> target = target(section, list.items().get(i), path + "[" + i + "]", model, seen);
            target.ifPresent(rank::add);
        }
        if (list.items().isEmpty()) {
            reading.mistake(list.place(), path, null, "a rank without a target; write one, or remove it", null);
        } else if (rank.size() == list.items().size() && rank.stream().allMatch(each -> each.weight() == 0)) {
            reading.mistake(list.place(), path, null, "every weight of this rank is 0; give one of them more", null);
        }
        return rank;
    }

    private Optional<RankedTarget> target(
            Section section, Piece piece, String path, String model, Set<TargetSettings> seen) {
        if (piece instanceof Piece.Members mapping && mapping.members().containsKey("target")) {
            Section inside = section.unnamed(mapping, path);
            Piece.Member member = Objects.requireNonNull(mapping.members().get("target"));
            Setting<Optional<TargetSettings>> target = inside.one(member.value(), path + ".target", type(model));
            inside.ifWritten("target", type(model), "required");
            Setting<Optional<Long>> weight = inside.ifWritten("weight", WEIGHT, "1");
            Abilities abilities = abilities(inside);
            inside.end();
            return checked(target, model, seen)
                    .map(each -> new RankedTarget(
                            each, Math.toIntExact(weight.value().orElse(1L)), abilities));
        }
        return checked(section.one(shortForm(piece), path, type(model)), model, seen)
                .map(each -> new RankedTarget(each, 1, Abilities.UNSAID));
    }

    /** {@code {provider: openai, model: gpt-5.5}} is {@code openai/gpt-5.5}. */
    private static Piece shortForm(Piece item) {
        if (item instanceof Piece.Members(Map<String, Piece.Member> members, Place place, int _)
                && members.keySet().equals(Set.of("provider", "model"))
                && Objects.requireNonNull(members.get("provider")).value() instanceof Piece.Text provider
                && Objects.requireNonNull(members.get("model")).value() instanceof Piece.Text model) {
            return new Piece.Text(provider.text() + "/" + model.text(), false, place);
        }
        return item;
    }

    private static Abilities abilities(Section section) {
        Setting<Optional<Long>> context = section.ifWritten("context", TOKENS, "the catalogue's");
        Setting<Optional<Long>> maxOutput = section.ifWritten("max-output", TOKENS, "the catalogue's");
        Set<Skill> takes = EnumSet.noneOf(Skill.class);
        Set<Skill> lacks = EnumSet.noneOf(Skill.class);
        for (Skill skill : Skill.values()) {
            section.ifWritten(skill.word(), Type.BOOL, "the catalogue's")
                    .value()
                    .ifPresent(can -> (can ? takes : lacks).add(skill));
        }
        Set<String> efforts = section.several("efforts", "efforts", Conditions.EFFORT, "efforts").value().stream()
                .map(Setting::value)
                .collect(Collectors.toSet());
        return new Abilities(context.value().orElse(0L), maxOutput.value().orElse(0L), takes, lacks, efforts, Set.of());
    }

    private Optional<TargetSettings> checked(
            Setting<Optional<TargetSettings>> target, String model, Set<TargetSettings> seen) {
        if (target.value().isEmpty()) {
            return Optional.empty();
        }
        TargetSettings found = target.value().get();
        if (!providers.contains(found.provider())) {
            String near = Near.to(found.provider(), providers);
            reading.mistake(
                    target.place(),
                    target.key(),
                    target.shown(),
                    "a provider that is written, and a model of it: " + String.join(", ", providers),
                    near == null ? null : near + "/" + upstream(model, target));
        } else if (!seen.add(found)) {
            reading.mistake(target, "each target once; the second is never reached");
        }
        return target.value();
    }

    /** The model of a target as it was written: what a variable stands for may be a secret. */
    private static String upstream(String model, Setting<?> target) {
        String written = String.valueOf(target.shown());
        int slash = written.indexOf('/');
        return slash < 0 ? model : written.substring(slash + 1);
    }

    private Type<TargetSettings> type(String model) {
        return new Type<>(
                "targets",
                "provider/model",
                text -> {
                    int slash = text.indexOf('/');
                    String provider = slash < 0 ? text : text.substring(0, slash);
                    String upstream = slash < 0 ? model : text.substring(slash + 1);
                    // A bad name of the model itself is told where it stands.
                    return provider.isBlank()
                                    || (slash >= 0 && !name.matcher(upstream).matches())
                            ? null
                            : new TargetSettings(provider, upstream);
                },
                target -> target.provider() + "/" + target.model(),
                _ -> null,
                false);
    }

    private static String yaml(List<List<RankedTarget>> ranks) {
        return ranks.stream()
                .map(rank -> rank.size() == 1
                        ? yaml(rank.getFirst())
                        : rank.stream().map(Targets::yaml).collect(Collectors.joining(", ", "[", "]")))
                .collect(Collectors.joining(", ", "[", "]"));
    }

    private static String yaml(RankedTarget ranked) {
        String target = Effective.scalar(
                ranked.target().provider() + "/" + ranked.target().model());
        Abilities can = ranked.abilities();
        if (ranked.weight() == 1 && can.equals(Abilities.UNSAID)) {
            return target;
        }
        List<String> members = new ArrayList<>(List.of("target: " + target));
        if (ranked.weight() != 1) {
            members.add("weight: " + ranked.weight());
        }
        if (can.context() > 0) {
            members.add("context: " + can.context());
        }
        if (can.maxOutput() > 0) {
            members.add("max-output: " + can.maxOutput());
        }
        for (Skill skill : Skill.values()) {
            if (can.takes().contains(skill) || can.lacks().contains(skill)) {
                members.add(skill.word() + ": " + can.takes().contains(skill));
            }
        }
        if (!can.efforts().isEmpty()) {
            members.add("efforts: [" + String.join(", ", new TreeSet<>(can.efforts())) + "]");
        }
        return "{" + String.join(", ", members) + "}";
    }
}
