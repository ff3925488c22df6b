#!/bin/sh
# Makes an OCI image of what tools/dist.sh has made, without a container engine and without a registry:
# target/lockkeeper-VERSION-linux-ARCH.image.tar, an OCI layout that `docker load`, `podman load` and `skopeo copy
# oci-archive:FILE docker://...` read. Under the program there is what it needs and no more: this machine's C library and
# its small shell for the launcher. No package manager, no other program.
#   tools/image.sh VERSION
#   IMAGE_BASE=root.tar tools/image.sh VERSION     on other files: a tar of any root with glibc and /bin/sh (docker export)
# Exit code: 0; 1 when something failed, which is told.
set -eu

version=$1
home=$(cd "$(dirname "$0")/.." && pwd -P)
target=$home/target
arch=$(uname -m)
name=lockkeeper-$version-linux-$arch
root=$target/dist/$name
work=$target/image
user=65532

if [ "$(uname -s)" != Linux ]; then
  echo "image: images are made on Linux; this is $(uname -s), so none is made" >&2
  exit 0
fi
case "$arch" in
x86_64) platform=amd64 ;;
aarch64) platform=arm64 ;;
*) platform=$arch ;;
esac
shell=$(readlink -f "$(command -v dash || command -v sh)")

umask 022
rm -rf "$work"
mkdir -p "$work/blobs/sha256" "$work/base" "$work/data"
epoch=$(sed -n 's/.*<project.build.outputTimestamp>\(.*\)<.*/\1/p' "$home/pom.xml")

# ---- the base: a shell, the C library, and the files it reads ---------------------------------------------------------
base=$work/base
own_base() {
  copy() { # a library to the place where the loader looks for it
    [ -e "$base$1" ] || { mkdir -p "$base$(dirname "$1")" && cp -L "$1" "$base$1"; }
  }
  for each in "$shell" "$root/runtime/bin/java" "$root"/runtime/lib/*.so "$root"/runtime/lib/server/*.so \
    "$root"/lib/native/*.so; do
    # Lines are "name => /path (address)" or "/path (address)"; the runtime's own libraries come with it.
    for library in $(LC_ALL=C ldd "$each" 2>/dev/null |
      sed -n 's/.*=> \(\/[^ ]*\).*/\1/p; s/^[[:space:]]*\(\/[^ ]*\) (.*/\1/p'); do
      case "$library" in "$root"/*) ;; *) copy "$library" ;; esac
    done
  done
  # Before version 2.34 the C library loads these to look names up.
  for each in $(LC_ALL=C ldd "$shell" | sed -n 's/.*=> \(\/[^ ]*\)\/libc\.so.*/\1/p'); do
    for library in "$each"/libnss_files.so.2 "$each"/libnss_dns.so.2 "$each"/libresolv.so.2; do
      [ ! -e "$library" ] || copy "$library"
    done
  done
  mkdir -p "$base/bin" "$base/etc/lockkeeper" "$base/tmp" "$base/proc" "$base/dev" "$base/sys" "$base/usr/share/doc" \
    "$base/var/lib"
  cp -L "$shell" "$base/bin/sh"
  printf 'root:x:0:0:root:/:/bin/sh\nlockkeeper:x:%s:%s:Lockkeeper:/var/lib/lockkeeper:/bin/sh\n' $user $user >"$base/etc/passwd"
  printf 'root:x:0:\nlockkeeper:x:%s:\n' $user >"$base/etc/group"
  printf 'hosts: files dns\n' >"$base/etc/nsswitch.conf"
  # The terms under which the C library and the shell are passed on.
  for each in libc6 dash glibc; do
    [ ! -e "/usr/share/doc/$each/copyright" ] || cp -L "/usr/share/doc/$each/copyright" "$base/usr/share/doc/$each.copyright"
  done
  chmod 1777 "$base/tmp"
}

# ---- layers -----------------------------------------------------------------------------------------------------------
pack() { # tar with nothing in it of who made it, where and when; more of tar's words may follow
  tar --sort=name --mtime="$epoch" --numeric-owner --format=gnu "$@"
}
layers=
diffs=
history=
layer() { # the tar file $1 becomes a layer, told as $2
  diff=$(sha256sum "$1" | cut -d ' ' -f 1)
  gzip -n "$1"
  digest=$(sha256sum "$1.gz" | cut -d ' ' -f 1)
  size=$(wc -c <"$1.gz" | tr -d ' ')
  mv "$1.gz" "$work/blobs/sha256/$digest"
  layers="$layers${layers:+,}{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar+gzip\",\"digest\":\"sha256:$digest\",\"size\":$size}"
  paths="${paths:-}${paths:+,}\"blobs/sha256/$digest\""
  diffs="$diffs${diffs:+,}\"sha256:$diff\""
  history="$history${history:+,}{\"created\":\"$epoch\",\"created_by\":\"tools/image.sh: $2\"}"
}

if [ -n "${IMAGE_BASE:-}" ]; then
  cp "$IMAGE_BASE" "$work/1.tar"
  of_base="the files of $(basename "$IMAGE_BASE")"
else
  own_base
  pack --owner=0 --group=0 -C "$base" -cf "$work/1.tar" .
  of_base="the C library and a shell"
fi
# The only folder that its user may write.
mkdir -p "$work/data/var/lib/lockkeeper"
chmod 700 "$work/data/var/lib/lockkeeper"
pack --owner=$user --group=$user -C "$work/data" -rf "$work/1.tar" ./var/lib/lockkeeper
layer "$work/1.tar" "$of_base"
in_place() { # the archive's files, below /opt/lockkeeper
  pack --owner=0 --group=0 --transform "s,^$name,opt/lockkeeper," -C "$target/dist" "$@"
}
in_place -cf "$work/2.tar" "$name/runtime"
layer "$work/2.tar" "the Java runtime"
in_place -cf "$work/3.tar" "$name/lib"
layer "$work/3.tar" "the libraries"
in_place --exclude="$name/runtime" --exclude="$name/lib" -cf "$work/4.tar" "$name"
layer "$work/4.tar" "Lockkeeper"

# ---- configuration, manifest, index -----------------------------------------------------------------------------------
blob() { # standard input becomes a blob; tells its digest and size
  cat >"$work/blob"
  digest=$(sha256sum "$work/blob" | cut -d ' ' -f 1)
  size=$(wc -c <"$work/blob" | tr -d ' ')
  mv "$work/blob" "$work/blobs/sha256/$digest"
}
# Healthcheck is Docker's addition to the format; its times are in nanoseconds.
blob <<JSON
{"created":"$epoch","architecture":"$platform","os":"linux","config":{"User":"$user:$user","ExposedPorts":{"8080/tcp":{},"8081/tcp":{}},"Env":["PATH=/opt/lockkeeper/bin:/bin","LANG=C.UTF-8","LOCKKEEPER_HOST=0.0.0.0","LOCKKEEPER_DATA=/var/lib/lockkeeper"],"Entrypoint":["/opt/lockkeeper/bin/lockkeeper"],"Cmd":["serve"],"Volumes":{"/var/lib/lockkeeper":{}},"WorkingDir":"/var/lib/lockkeeper","StopSignal":"SIGTERM","Healthcheck":{"Test":["CMD","/opt/lockkeeper/bin/lockkeeper","health"],"Interval":10000000000,"Timeout":8000000000,"StartPeriod":30000000000,"Retries":3},"Labels":{"org.opencontainers.image.title":"lockkeeper","org.opencontainers.image.version":"$version","org.opencontainers.image.licenses":"Apache-2.0"}},"rootfs":{"type":"layers","diff_ids":[$diffs]},"history":[$history]}
JSON
config=$digest
config_size=$size
blob <<JSON
{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:$config","size":$config_size},"layers":[$layers]}
JSON
cat >"$work/index.json" <<JSON
{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:$digest","size":$size,"annotations":{"org.opencontainers.image.ref.name":"$version","io.containerd.image.name":"docker.io/library/lockkeeper:$version"},"platform":{"architecture":"$platform","os":"linux"}}]}
JSON
printf '{"imageLayoutVersion":"1.0.0"}' >"$work/oci-layout"
# What older versions of `docker load` read instead.
printf '[{"Config":"blobs/sha256/%s","RepoTags":["lockkeeper:%s"],"Layers":[%s]}]' "$config" "$version" "$paths" \
  >"$work/manifest.json"

pack --owner=0 --group=0 -C "$work" -cf "$target/$name.image.tar.part" oci-layout index.json manifest.json blobs
mv -f "$target/$name.image.tar.part" "$target/$name.image.tar"
rm -rf "$work"
echo "image: $target/$name.image.tar" >&2
