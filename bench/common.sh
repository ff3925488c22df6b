#!/bin/sh
# Sourced by the commands beside it: builds what is needed, then `bench_java ARGUMENTS` runs the benchmark's classes.
bench_home=$(cd "$(dirname "$0")/.." && pwd -P)
cd "$bench_home"
. "$bench_home/.mvn/find-jdk.sh"
lk_find_jdk 25 || exit 1

bench_build() {
  # The jar for the launcher, the benchmark's classes, and the class path they need.
  [ -n "${BENCH_NO_BUILD:-}" ] && [ -f target/bench-classpath ] && return 0
  echo "bench: building ..." >&2
  ./mvnw -q -B -ntp -DskipTests -Ddist.skip=true -Dspotless.check.skip=true package \
    dependency:build-classpath -Dmdep.outputFile=target/bench-classpath -Dmdep.includeScope=test >&2 || exit 1
  touch target/lockkeeper.jar
  # Made at the first `serve` otherwise, in the middle of what is measured.
  ./lockkeeper serve --help >/dev/null || exit 1
}

bench_java() {
  exec "$JAVA_HOME/bin/java" -XX:+UseSerialGC -Xmx1g --enable-native-access=ALL-UNNAMED \
    --sun-misc-unsafe-memory-access=allow -cp "target/test-classes:target/classes:$(cat target/bench-classpath)" "$@"
}
