#!/bin/sh
# Packs what the build has made into target/lockkeeper-VERSION-linux-ARCH.tar.gz: the program, the Java runtime that it
# needs and no more, the cache for quick starts, examples and documents. `./mvnw package` runs it; by hand:
#   tools/dist.sh VERSION    with JAVA_HOME set to the JDK whose runtime is packed
# Everything but the start cache is the same, byte for byte, when it is made again from the same sources with the same JDK.
# Exit code: 0; 1 when something failed, which is told.
set -eu

version=$1
home=$(cd "$(dirname "$0")/.." && pwd -P)
target=$home/target
arch=$(uname -m)
name=lockkeeper-$version-linux-$arch
work=$target/dist
root=$work/$name

if [ "$(uname -s)" != Linux ]; then
  echo "dist: archives are made on Linux; this is $(uname -s), so none is made" >&2
  exit 0
fi

# What jdeps finds in the jars, without desktop and compiler (libraries name them for what is not used here), and besides:
# jdk.jcmd for who must look into a running process, jdk.net for options of sockets, jdk.zipfs for resources in jars.
modules=java.base,java.logging,java.management,java.naming,java.net.http,java.sql,jdk.jcmd,jdk.jfr,jdk.management,jdk.net
modules=$modules,jdk.unsupported,jdk.zipfs

if [ ! -x "$JAVA_HOME/bin/jlink" ]; then
  echo "dist: $JAVA_HOME has no jlink, so it can't pack a runtime: build with a whole JDK, or leave packages out: -Ddist.skip=true" >&2
  exit 1
fi

rm -rf "$work"
mkdir -p "$root/bin"
umask 022

"$JAVA_HOME/bin/jlink" --add-modules "$modules" --strip-java-debug-attributes --no-header-files --no-man-pages \
  --output "$root/runtime"
mkdir -p "$root/lib"
cp "$target/lockkeeper.jar" "$root/"
cp "$target"/lib/*.jar "$root/lib/"
cp -R "$target/native" "$root/lib/native"
cp "$home/lockkeeper" "$root/bin/lockkeeper"
cp "$home/LICENSE" "$home/README.md" "$home/CHANGELOG.md" "$home/SECURITY.md" "$root/"
cp "$target/THIRD-PARTY.txt" "$root/"
if [ -e "$target/lockkeeper-sbom.json" ]; then
  cp "$target/lockkeeper-sbom.json" "$root/"
else
  echo "dist: the archive has no SBOM, because Maven makes none while it is offline (-o)" >&2
fi
cp -R "$home/examples" "$home/docs" "$home/deploy" "$root/"
find "$root" -type d -exec chmod 755 {} +
find "$root" -type f -exec chmod a+r,go-w {} +
chmod 755 "$root/bin/lockkeeper"

# One time for all files, before the cache is made: it knows the jars by their times.
epoch=$(sed -n 's/.*<project.build.outputTimestamp>\(.*\)<.*/\1/p' "$home/pom.xml")
find "$root" -exec touch -h -d "$epoch" {} +

# The launcher's own options, which are those that the cache fits, and nothing of this machine's.
if ! env -i PATH=/usr/bin:/bin LANG=C.UTF-8 LOCKKEEPER_AOT=record "$root/bin/lockkeeper" train >"$work/train.log" 2>&1 ||
  ! env -i PATH=/usr/bin:/bin LOCKKEEPER_JAVA_OPTS=-XX:AOTMode=on "$root/bin/lockkeeper" version >>"$work/train.log" 2>&1; then
  cat "$work/train.log" >&2
  echo "dist: the start cache could not be made; what was said stands above" >&2
  exit 1
fi
touch -d "$epoch" "$root/lockkeeper.aot"

(cd "$work" && tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="$epoch" --format=gnu -cf - "$name") |
  gzip -n >"$target/$name.tar.gz.part"
mv -f "$target/$name.tar.gz.part" "$target/$name.tar.gz"
echo "dist: $target/$name.tar.gz" >&2
