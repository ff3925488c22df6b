package dev.lockkeeper.settings;

import dev.lockkeeper.routing.Catalog;
import dev.lockkeeper.routing.ModelSettings;
import dev.lockkeeper.routing.ModelSettings.Profile;
import dev.lockkeeper.routing.ModelSettings.TargetSettings;
import dev.lockkeeper.upstream.ProviderSettings;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Reads the section {@code models}. */
final class Models {
    /** It stands in URLs, log lines and error messages. */
    private static final Pattern NAME = Pattern.compile("[!-~]([ -~]{0,254}[!-~])?");

    private static final Type<Long> TOKENS = Type.integer(1, 1_000_000_000);

    private static final Type<Profile> PROFILE = Type.choice(
            List.of(Profile.AUTO, Profile.REASONING, Profile.SAMPLING, Profile.EXACT),
            profile -> profile.name().toLowerCase(Locale.ROOT));

    private final Reading reading;
    private final Catalog catalog;
    private final Set<String> providers = new TreeSet<>();

    Models(Reading reading, Catalog catalog, List<ProviderSettings> providers) {
        this.reading = reading;
        this.catalog = catalog;
        providers.forEach(provider -> this.providers.add(provider.name()));
    }

    List<ModelSettings> read(Section models) {
        List<ModelSettings> read = new ArrayList<>();
        for (Section section : models.each(Models::longForm)) {
            if (!NAME.matcher(section.name()).matches()) {
                reading.mistake(
                        section.place(),
                        section.key(),
                        Shown.value(section.name()),
                        "a name of printable ASCII, 1 to 256 characters",
                        null);
            }
            ModelSettings model = model(section);
            section.end();
            if (model != null) {
                read.add(model);
            }
        }
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

    private @Nullable ModelSettings model(Section section) {
        Setting<List<Setting<TargetSettings>>> written =
                section.list("targets", target(section.name()), "required", Models::shortForm);
        List<TargetSettings> targets = checked(section, written);
        Setting<Profile> profile = section.value("profile", PROFILE, Profile.AUTO);
        Optional<Catalog.Known> known =
                targets.stream().findFirst().flatMap(first -> Optional.ofNullable(catalog.find(first.model())));
        Setting<Long> context = tokens(section, "context", known.map(Catalog.Known::context));
        Setting<Long> maxOutput = tokens(section, "max-output", known.map(Catalog.Known::maxOutput));
        if (context.usable()
                && maxOutput.usable()
                && maxOutput.written()
                && context.value() > 0
                && maxOutput.value() > context.value()) {
            reading.mistake(maxOutput, "at most context, which is " + context.value());
        }
        return targets.isEmpty()
                ? null
                : new ModelSettings(section.name(), targets, profile.value(), context.value(), maxOutput.value());
    }

    private static Setting<Long> tokens(Section section, String name, Optional<Long> known) {
        if (known.isPresent() && known.get() > 0) {
            return section.value(name, TOKENS, known.get(), "the catalogue's");
        }
        // Zero says unknown in the record; nobody can write it.
        Setting<Optional<Long>> written = section.optional(name, TOKENS, "unknown");
        return new Setting<>(
                written.value().orElse(0L), written.place(), written.key(), written.shown(), written.usable());
    }

    private List<TargetSettings> checked(Section section, Setting<List<Setting<TargetSettings>>> written) {
        if (written.value().isEmpty() && written.usable()) {
            String example = providers.stream().findFirst().orElse("openai") + "/" + Shown.value(section.name());
            reading.mistake(
                    written.written() ? written.place() : section.place(),
                    section.key() + ".targets",
                    null,
                    "missing; write who serves it: targets: [" + example + "]",
                    null);
        }
        Set<TargetSettings> targets = new LinkedHashSet<>();
        for (Setting<TargetSettings> target : written.value()) {
            String provider = target.value().provider();
            if (!providers.contains(provider)) {
                String near = Near.to(provider, providers);
                reading.mistake(
                        target.place(),
                        target.key(),
                        target.shown(),
                        "a provider that is written, and a model of it: " + String.join(", ", providers),
                        near == null ? null : near + "/" + upstream(section, target));
            } else if (!targets.add(target.value())) {
                reading.mistake(target, "each target once; the second is never reached");
            }
        }
        return List.copyOf(targets);
    }

    /** The model of a target as it was written: what a variable stands for may be a secret. */
    private static String upstream(Section section, Setting<TargetSettings> target) {
        String written = String.valueOf(target.shown());
        int slash = written.indexOf('/');
        return slash < 0 ? section.name() : written.substring(slash + 1);
    }

    private static Type<TargetSettings> target(String model) {
        return new Type<>(
                "targets",
                "provider/model",
                text -> {
                    int slash = text.indexOf('/');
                    String provider = slash < 0 ? text : text.substring(0, slash);
                    String upstream = slash < 0 ? model : text.substring(slash + 1);
                    // A bad name of the model itself is told where it stands.
                    return provider.isBlank()
                                    || (slash >= 0 && !NAME.matcher(upstream).matches())
                            ? null
                            : new TargetSettings(provider, upstream);
                },
                target -> target.provider() + "/" + target.model(),
                _ -> null,
                false);
    }
}
