package dev.lockkeeper;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static java.util.Map.entry;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** Who may see whom: the table is the picture of the house. */
class HouseRulesTest {
    private static final String HOUSE_PACKAGE = "dev.lockkeeper";

    private static final JavaClasses HOUSE = new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPackages(HOUSE_PACKAGE);

    /** A room and the rooms it may see: down, never up, never sideways. */
    private static final Map<String, Set<String>> MAY_SEE = Map.ofEntries(
            // tools
            entry("units", Set.of()),
            entry("http", Set.of("units")),
            entry("db", Set.of("units")),
            entry("dialect", Set.of("units")),
            entry("simulator", Set.of("units", "http")),
            // organs
            entry("access", Set.of("units", "http", "db")),
            entry("objects", Set.of("units", "db")),
            entry("limits", Set.of("units", "db")),
            entry("ledger", Set.of("units", "db")),
            entry("repeats", Set.of("units", "db")),
            entry("upstream", Set.of("units", "http", "dialect")),
            entry("routing", Set.of("units")),
            entry("prices", Set.of("units")),
            // life
            entry(
                    "relay",
                    Set.of(
                            "units",
                            "http",
                            "dialect",
                            "access",
                            "objects",
                            "limits",
                            "ledger",
                            "repeats",
                            "upstream",
                            "routing",
                            "prices")),
            entry("observe", Set.of("units", "http", "ledger", "relay")),
            entry(
                    "door",
                    Set.of(
                            "units",
                            "http",
                            "dialect",
                            "access",
                            "objects",
                            "ledger",
                            "upstream",
                            "routing",
                            "prices",
                            "relay")),
            entry(
                    "admin",
                    Set.of(
                            "units",
                            "http",
                            "dialect",
                            "db",
                            "access",
                            "objects",
                            "limits",
                            "ledger",
                            "upstream",
                            "routing",
                            "prices",
                            "relay")),
            // roof
            entry(
                    "settings",
                    Set.of(
                            "units",
                            "http",
                            "db",
                            "dialect",
                            "access",
                            "objects",
                            "limits",
                            "ledger",
                            "repeats",
                            "upstream",
                            "routing",
                            "prices",
                            "relay",
                            "observe",
                            "door",
                            "admin")));

    /** Libraries that stand behind a fence, and the rooms inside it. */
    private static final Map<String, Set<String>> FENCES = Map.of(
            "io.vertx..", Set.of("http"),
            "io.netty..", Set.of("http"),
            "java.sql..", Set.of("db", "access", "objects", "limits", "ledger", "repeats"),
            "org.jdbi..", Set.of("db", "access", "objects", "limits", "ledger", "repeats"),
            "org.flywaydb..", Set.of("db"),
            "org.snakeyaml..", Set.of("settings"),
            "io.github.bucket4j..", Set.of("limits"),
            "io.micrometer..", Set.of("observe"),
            "ch.qos.logback..", Set.of("observe"));

    @Test
    void everyRoomHasALineInTheTable() {
        Set<String> rooms = new TreeSet<>();
        for (JavaClass each : HOUSE) {
            String rest = each.getPackageName().substring(HOUSE_PACKAGE.length());
            if (!rest.isEmpty()) {
                rooms.add(rest.substring(1).split("\\.")[0]);
            }
        }
        assertThat(MAY_SEE.keySet()).containsAll(rooms);
    }

    @Test
    void roomsSeeOnlyWhatTheTableSays() {
        MAY_SEE.forEach((room, allowed) -> {
            String[] others = MAY_SEE.keySet().stream()
                    .filter(other -> !other.equals(room) && !allowed.contains(other))
                    .map(other -> HOUSE_PACKAGE + "." + other + "..")
                    .toArray(String[]::new);
            noClasses()
                    .that()
                    .resideInAPackage(HOUSE_PACKAGE + "." + room + "..")
                    .should()
                    .dependOnClassesThat()
                    .resideInAnyPackage(others)
                    .allowEmptyShould(true)
                    .check(HOUSE);
        });
    }

    @Test
    void dialectsAreBlindToEachOther() {
        slices().matching(HOUSE_PACKAGE + ".dialect.(*)..")
                .should()
                .notDependOnEachOther()
                .allowEmptyShould(true)
                .check(HOUSE);
    }

    @Test
    void nobodyLooksUpAtTheHouse() {
        // Commands start a house; they stand in the root package beside Main for that reason.
        noClasses()
                .that()
                .resideInAPackage(HOUSE_PACKAGE + ".*..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage(HOUSE_PACKAGE)
                .allowEmptyShould(true)
                .check(HOUSE);
    }

    @Test
    void librariesStayBehindTheirFence() {
        FENCES.forEach((library, rooms) -> noClasses()
                .that()
                .resideOutsideOfPackages(rooms.stream()
                        .map(room -> HOUSE_PACKAGE + "." + room + "..")
                        .toArray(String[]::new))
                .should()
                .dependOnClassesThat()
                .resideInAPackage(library)
                .allowEmptyShould(true)
                .check(HOUSE));
    }

    @Test
    void chanceAndIdsAreMadeInTheHouseAndPassedIn() {
        noClasses()
                .that()
                .resideInAPackage(HOUSE_PACKAGE + ".*..")
                .should()
                .callMethod(java.util.UUID.class, "randomUUID")
                .orShould()
                .callConstructor(java.util.Random.class)
                .orShould()
                .callConstructor(java.security.SecureRandom.class)
                .orShould()
                .callMethod(java.time.Instant.class, "now")
                .allowEmptyShould(true)
                .check(HOUSE);
    }
}
