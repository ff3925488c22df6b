# Sourced by `mvnw` and `lockkeeper`: sets JAVA_HOME to a JDK of at least $1 (default 25), or says what to install.
# A JDK's own `release` file tells its version, so that no JVM is started to find out.

lk_major() { # the major version of the JDK in folder $1, or 0
  lk_line=$(sed -n 's/^JAVA_VERSION="\{0,1\}\([0-9][0-9]*\).*/\1/p' "$1/release" 2>/dev/null | head -n 1)
  [ -x "$1/bin/javac" ] || lk_line=0
  echo "${lk_line:-0}"
}

lk_home_of_path() { # the JDK folder behind `java` on the PATH
  lk_java=$(command -v java 2>/dev/null) || return 0
  while [ -L "$lk_java" ]; do
    lk_target=$(readlink "$lk_java")
    case "$lk_target" in
    /*) lk_java=$lk_target ;;
    *) lk_java=$(dirname "$lk_java")/$lk_target ;;
    esac
  done
  dirname "$(dirname "$lk_java")"
}

lk_find_jdk() {
  lk_wanted=${1:-25}
  set +f
  for lk_dir in "${JAVA_HOME:-}" "$(lk_home_of_path)" \
    /usr/lib/jvm/* /usr/java/* /usr/local/openjdk-* /opt/java/* /opt/jdk* /opt/*jdk* \
    "$HOME"/.sdkman/candidates/java/* "$HOME"/.jdks/* "$HOME"/.jenv/versions/* "$HOME"/.asdf/installs/java/* \
    "$HOME"/.local/share/mise/installs/java/* \
    /Library/Java/JavaVirtualMachines/*/Contents/Home "$HOME"/Library/Java/JavaVirtualMachines/*/Contents/Home \
    /opt/homebrew/opt/openjdk*/libexec/openjdk.jdk/Contents/Home /usr/local/opt/openjdk*/libexec/openjdk.jdk/Contents/Home; do
    [ -n "$lk_dir" ] && [ -d "$lk_dir" ] || continue
    if [ "$(lk_major "$lk_dir")" -ge "$lk_wanted" ]; then
      JAVA_HOME=$lk_dir
      export JAVA_HOME
      return 0
    fi
  done
  cat >&2 <<EOF
Lockkeeper needs a JDK $lk_wanted or newer and found none (looked at JAVA_HOME, PATH and the usual folders).
Install one, for example:
  Debian, Ubuntu   apt-get install temurin-25-jdk     (from https://adoptium.net/installation/linux)
  macOS            brew install openjdk@25
  any system       sdk install java 25-tem            (from https://sdkman.io)
or set JAVA_HOME to the folder of one that is already there.
EOF
  return 1
}
