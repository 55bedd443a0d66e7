package io.framepipeline.common;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/** What the packages may use, as their {@code package-info.java} say. */
class PackagesTest {
  private static final String ROOT = "io.framepipeline.common.";

  private static final Map<String, Set<String>> USES =
      Map.of(
          "config", Set.of(),
          "http", Set.of(),
          "wire", Set.of(),
          "kernel", Set.of(),
          "linux", Set.of("config"),
          "topology", Set.of("wire"),
          "transport", Set.of("topology", "wire", "linux", "config"),
          "metrics", Set.of("http", "topology", "wire", "linux", "config"),
          "service", Set.of("metrics", "transport", "topology", "wire", "linux", "config"),
          "delivery",
              Set.of(
                  "kernel",
                  "service",
                  "metrics",
                  "transport",
                  "topology",
                  "wire",
                  "linux",
                  "config"));

  private static final List<String> PACKAGES = List.copyOf(USES.keySet());

  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(new ImportOption.DoNotIncludeTests())
          .importPackages("io.framepipeline.common");

  @ParameterizedTest
  @FieldSource("PACKAGES")
  void shouldUseOnlyWhatItMay(String name) {
    Set<String> others = new TreeSet<>(PACKAGES);
    others.removeAll(USES.get(name));
    others.remove(name);

    noClasses()
        .that()
        .resideInAPackage(ROOT + name + "..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(
            others.stream().map(other -> ROOT + other + "..").toArray(String[]::new))
        .allowEmptyShould(true)
        .check(CLASSES);
  }

  @Test
  void shouldHaveNoCircles() {
    slices().matching(ROOT + "(*)..").should().beFreeOfCycles().check(CLASSES);
  }

  @Test
  void shouldHaveARuleForEveryPackage() {
    Set<String> packages =
        CLASSES.stream()
            .map(type -> type.getPackageName().substring(ROOT.length()).split("\\.", -1)[0])
            .collect(Collectors.toSet());
    assertThat(packages).isEqualTo(USES.keySet());
  }
}
