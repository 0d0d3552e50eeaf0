#!/usr/bin/env bash
# Installs what tests/real starts: Ceph, Apache Kafka, Keycloak, PostgreSQL, Prometheus, Chromium, libfaketime, buildah, a registry.
#
# Debian packages by apt as root (another user is told the command), Kafka's jars and Keycloak by Maven, the base of the image under
# test by debootstrap. All are kept in $MEDPATTERN_CI_CACHE (default: ~/.cache/medpattern). It prints versions, starts no
# service, and takes a second or two where everything is there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

cache=${MEDPATTERN_CI_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/medpattern}
export MEDPATTERN_CI_CACHE=$cache

# package: commands or files that show it is there, from whichever package they came (the first that exists is enough)
needs() {
    cat <<'LIST'
ceph-mon: ceph-mon
ceph-osd: ceph-osd
radosgw: radosgw
ceph-common: ceph
postgresql: /usr/lib/postgresql/*/bin/postgres
openjdk-17-jre-headless: java
maven: mvn
prometheus: prometheus
chromium: chromium
faketime: /usr/lib/*/faketime/libfaketime.so.1
buildah: buildah
docker-registry: docker-registry
debootstrap: /usr/sbin/debootstrap
LIST
}

there() {
    case $1 in
    /*) compgen -G "$1" >/dev/null ;;
    *) command -v "$1" >/dev/null ;;
    esac
}

missing() {
    local package probe
    while IFS=': ' read -r package probe; do
        there "$probe" || echo "$package"
    done < <(needs)
}

# Debian starts a service when its package is installed, unless policy-rc.d says no. Where the machine has one, it decides.
install() {
    local policy=/usr/sbin/policy-rc.d
    if [[ ! -e $policy ]]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
        trap "rm -f $policy" EXIT
    fi
    mkdir -p "$cache/apt/partial"
    # .ci/install_cluster.sh may be at it.
    exec 8>"$cache/apt.lock"
    flock 8
    export DEBIAN_FRONTEND=noninteractive
    # The index of an image is older than the archive: files it names may be gone.
    apt-get -qq update
    # Output goes to a file, for it is a page long and of interest only when something failed.
    apt-get -qq -y --no-install-recommends -o Dir::Cache::archives="$cache/apt" -o APT::Sandbox::User=root \
        -o Dpkg::Use-Pty=0 install "$@" >"$cache/apt/install.log" 2>&1 || {
        tail -n 20 "$cache/apt/install.log" >&2
        echo "apt-get could not install: $*" >&2
        exit 1
    }
}

versions() {
    local postgres=(/usr/lib/postgresql/*/bin/postgres)
    timeout 20 ceph --version | cut -d' ' -f1-3
    "${postgres[-1]}" --version
    java -version 2>&1 | head -n 1
    prometheus --version 2>&1 | cut -d' ' -f1-3 | head -n 1
    chromium --version 2>/dev/null
}

mapfile -t absent < <(missing)
if ((${#absent[@]})); then
    if ! command -v apt-get >/dev/null; then
        echo "tests/real needs the programs of these Debian packages, and this system has no apt-get: ${absent[*]}" >&2
        exit 1
    elif ((EUID)); then
        echo "tests/real needs more programs; run this, then again what you ran:" >&2
        echo "  sudo apt-get update && sudo apt-get install --no-install-recommends ${absent[*]}" >&2
        exit 1
    fi
    echo "installing ${absent[*]}"
    install "${absent[@]}"
fi
versions
"${PYTHON:-python3}" -m tests.real.servers.kafka.distribution
"${PYTHON:-python3}" -m tests.real.servers.keycloak
((EUID)) || .ci/image.sh base
