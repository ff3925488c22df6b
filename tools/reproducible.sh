#!/bin/sh
# Builds twice, in different folders, time zones and languages, and compares the jars' SHA-256. Exit code 0: they are the
# same, byte for byte; 1: they differ (the entries that differ are listed); 2: a build failed. MAVEN_ARGS is handed on.
set -eu

# A jar keeps the modes of its files, and those follow the umask: a build to compare with is made with 022.
umask 022

home=$(cd "$(dirname "$0")/.." && pwd -P)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM

build() { # into folder $1
  mkdir -p "$1"
  # What is tracked or new, as it lies in the working folder; nothing built before.
  (cd "$home" && git ls-files -z --cached --others --exclude-standard |
    xargs -0 sh -c 'for file; do [ ! -e "$file" ] || printf "%s\0" "$file"; done' sh |
    tar -cf - --null -T -) | tar -xf - -C "$1"
  (cd "$1" && ./mvnw -q -B -ntp ${MAVEN_ARGS:-} -Dmaven.test.skip=true -Dspotless.check.skip=true -Ddist.skip=true package >&2) || exit 2
}

hash() {
  sha256sum "$1" | cut -d ' ' -f 1
}

(TZ=UTC LC_ALL=C && export TZ LC_ALL && build "$work/one")
(TZ=Pacific/Auckland LC_ALL=C.UTF-8 && export TZ LC_ALL && build "$work/another-folder")

one=$work/one/target/lockkeeper.jar
two=$work/another-folder/target/lockkeeper.jar
if [ "$(hash "$one")" = "$(hash "$two")" ]; then
  echo "the same, byte for byte: $(hash "$one")  lockkeeper.jar"
  exit 0
fi
echo "the jars differ: $(hash "$one") and $(hash "$two"). Their entries:" >&2
mkdir "$work/a" "$work/b"
. "$home/.mvn/find-jdk.sh"
lk_find_jdk 25
(cd "$work/a" && "$JAVA_HOME/bin/jar" -xf "$one")
(cd "$work/b" && "$JAVA_HOME/bin/jar" -xf "$two")
diff -rq "$work/a" "$work/b" >&2 || true
exit 1
