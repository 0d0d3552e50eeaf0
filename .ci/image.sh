#!/usr/bin/env bash
# Builds the image with buildah, and beside it the list of what is in it. docs/container.md says more.
#
#   BASE_IMAGE=registry.example.org/python@sha256:... .ci/image.sh      what is released
#   .ci/image.sh                                                        on a Debian base made here: FOR TESTS ONLY
#   .ci/image.sh base                                                   makes only that base, if it is not in the cache
#
# IMAGE_OUT (default: $MEDPATTERN_CI_CACHE/image) gets, all with the version in their names:
#   .oci.tar            the image, an OCI archive
#   .digest             the digest of its manifest, by which it is deployed
#   .cdx.json           its CycloneDX SBOM: Python packages and Debian packages
#   .requirements.txt   the wheels that were installed, with their hashes; IMAGE_REQUIREMENTS=that file takes them again
#
# Needs root, buildah, and a Python of the base's version (PYTHON, or another on the path); debootstrap for the test base.
# Changes nothing of the machine's own container storage.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

SUITE=bookworm
SBOM_TOOL=cyclonedx-bom==7.5.0
PYTHON=${PYTHON:-python3}
IMAGE=${IMAGE:-localhost/medpattern}
revision=$(git rev-parse HEAD)
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct "$revision")}
# With files in it that are in no commit, nobody could build it again.
[[ -z $(git status --porcelain) ]] || revision+=-dirty
cache=${MEDPATTERN_CI_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/medpattern}/image
out=${IMAGE_OUT:-$cache}
packages=python3,ca-certificates
test_base=localhost/medpattern-test-base
test_base_tar=$cache/$SUITE-minbase-$packages.tar
export SOURCE_DATE_EPOCH PIP_DISABLE_PIP_VERSION_CHECK=1
# As root without a container engine, these two need nothing of the kernel. Others may be set.
export STORAGE_DRIVER=${STORAGE_DRIVER:-vfs} BUILDAH_ISOLATION=${BUILDAH_ISOLATION:-chroot}

fail() {
    echo "$*" >&2
    exit 1
}

needs() {
    command -v "$1" >/dev/null || fail "there is no $1: apt-get install --no-install-recommends $1 (Debian)"
}

# Where this machine's apt takes the suite from, so that no mirror stands here.
mirror() {
    apt-get indextargets --format '$(CODENAME) $(COMPONENT) $(REPO_URI)' "Created-By: Packages" |
        sed -n "s/^$SUITE main //p" | head -n 1
}

# A Debian with Python and certificates, as a tar file. Left out: what nobody reads in a container. Kept: the licences
# (copyright) and dpkg's records, from which the SBOM is written.
make_test_base() {
    [[ ! -f $test_base_tar ]] || return 0
    local from root=$scratch/base
    needs debootstrap
    from=$(mirror)
    [[ -n $from ]] || fail "apt has no source for Debian $SUITE; set BASE_IMAGE instead"
    echo "making the base for tests, Debian $SUITE; this takes some minutes, once"
    debootstrap --variant=minbase --include="$packages" "$SUITE" "$root" "$from" >"$scratch/debootstrap.log" 2>&1 || {
        tail -n 20 "$scratch/debootstrap.log" >&2
        fail "debootstrap failed"
    }
    rm -rf "$root"/var/cache/* "$root"/var/lib/apt/lists/* "$root"/var/log/* "$root"/usr/share/{man,info,locale,lintian}
    find "$root/usr/share/doc" -type f ! -name copyright -delete
    : >"$root/etc/machine-id"
    # Debian's bytecode is valid for the times that its sources have; those are evened out now.
    chroot "$root" sh -c 'python3 -m compileall -q -f -j 0 --invalidation-mode unchecked-hash /usr/lib/python3*'
    tar --create --file "$test_base_tar.part" --directory "$root" --sort=name --numeric-owner --mtime=@0 \
        --exclude='./dev/*' --exclude='./proc/*' --exclude='./sys/*' .
    mv "$test_base_tar.part" "$test_base_tar"
    rm -rf "$root"
}

# Sets `base`, with its digest, to the image that was named or to the one for tests.
choose_base() {
    suffix=""
    if [[ -n ${BASE_IMAGE:-} ]]; then
        [[ $BASE_IMAGE =~ @sha256:[0-9a-f]{64}$ ]] ||
            fail "BASE_IMAGE is $BASE_IMAGE: name it by its digest, NAME@sha256:..., since a tag can change its meaning"
        base=$BASE_IMAGE
        buildah pull --quiet --policy missing "$base" >/dev/null
        return
    fi
    echo "BASE_IMAGE is not set: the base is a Debian made here, FOR TESTS ONLY. Nobody keeps its packages up to date." >&2
    make_test_base
    suffix=-test-base
    local container
    container=$(buildah from scratch)
    buildah add --quiet "$container" "$test_base_tar" / >/dev/null
    buildah config --cmd /bin/bash "$container"
    buildah commit --quiet --rm --timestamp 0 --identity-label=false "$container" "$test_base:$SUITE" >/dev/null
    base=$test_base@$(buildah inspect --type image --format '{{.FromImageDigest}}' "$test_base:$SUITE")
}

# Sets `like_base` to a Python of this machine that is like the base's: pip chooses wheels for the one that it runs in.
find_python() {
    local container there candidate
    local what='import platform, sys; print(sys.implementation.name, "%d.%d" % sys.version_info[:2], platform.machine())'
    container=$(buildah from --pull-never "$base")
    there=$(chroot "$(buildah mount "$container")" python3 -c "$what") || fail "the base image has no python3"
    buildah rm "$container" >/dev/null
    for candidate in "$PYTHON" "python$(cut -d' ' -f2 <<<"$there")" /usr/bin/python3; do
        like_base=$(command -v "$candidate" || true)
        [[ $("$candidate" -c "$what" 2>/dev/null) != "$there" ]] || return 0
    done
    fail "the base image has $there, and no Python like it is here: install one, or name it by PYTHON"
}

gather_wheels() {
    local wheel download wheels=$scratch/context/wheels
    mkdir -p "$wheels"
    "$PYTHON" -m pip wheel --quiet --no-deps --wheel-dir "$wheels" .
    wheel=$(cd "$wheels" && echo medpattern-*.whl)
    version=$(cut -d- -f2 <<<"$wheel")
    if [[ -n ${IMAGE_REQUIREMENTS:-} ]]; then
        download=(--no-deps --require-hashes --requirement "$IMAGE_REQUIREMENTS")
    else
        download=(pip "$wheels/$wheel[dicom-network,results]")
    fi
    "$PYTHON" -m pip --python "$like_base" download --quiet --only-binary :all: --dest "$wheels" "${download[@]}"
    (cd "$wheels" && sha256sum -- *.whl | sort -k 2) |
        sed -nE '/  medpattern-/d; s/^([0-9a-f]+)  ([^-]+)-([^-]+)-.*/\2==\3 --hash=sha256:\1/p' >"$scratch/requirements.txt"
}

# Only an address that anybody may read: no credentials, no path of this machine.
source_url() {
    git config --get remote.origin.url 2>/dev/null | sed -nE 's|^https://([^/@]*@)?([^@]+)$|https://\2|p'
}

build() {
    tag=$IMAGE:$version$suffix
    buildah build --quiet --file model/Containerfile --tag "$tag" --timestamp "$SOURCE_DATE_EPOCH" --identity-label=false \
        --build-arg BASE_IMAGE="$base" --build-arg BASE_DIGEST="${base##*@}" \
        --build-arg SOURCE="${IMAGE_SOURCE:-$(source_url)}" --build-arg VERSION="$version" \
        --build-arg REVISION="$revision" --build-arg CREATED="$(date --utc --date "@$SOURCE_DATE_EPOCH" +%FT%TZ)" \
        --build-arg SOURCE_DATE_EPOCH="$SOURCE_DATE_EPOCH" "$scratch/context" >/dev/null
    buildah push --quiet --digestfile "$scratch/digest" "$tag" "oci-archive:$scratch/oci.tar:$tag"
}

# cyclonedx-py asks an interpreter where its packages are. This one answers for the image's, seen from outside.
write_interpreter() {
    cat >"$scratch/python" <<END
#!/bin/sh
chroot "$1" /opt/medpattern/bin/python "\$@" |
    "$PYTHON" -c 'import json, sys; print(json.dumps([sys.argv[1] + path for path in json.load(sys.stdin) if path]))' "$1"
END
    chmod +x "$scratch/python"
}

write_sbom() {
    local tools container root
    tools=$cache/$SBOM_TOOL-$("$PYTHON" -c 'import sys; print(sys.implementation.cache_tag)')
    if [[ ! -f $tools/.installed ]]; then
        "$PYTHON" -m venv --clear "$tools"
        "$tools/bin/python" -m pip install --quiet "$SBOM_TOOL"
        touch "$tools/.installed"
    fi
    container=$(buildah from --pull-never "$tag")
    root=$(buildah mount "$container")
    write_interpreter "$root"
    "$tools/bin/cyclonedx-py" environment --output-reproducible --sv 1.6 -o "$scratch/python.json" "$scratch/python"
    : >"$scratch/debian"
    if [[ -f $root/var/lib/dpkg/status ]]; then
        # shellcheck disable=SC2016
        chroot "$root" dpkg-query --show --showformat '${db:Status-Abbrev} ${Package} ${Version} ${Architecture}\n' \
            >"$scratch/debian"
    else
        echo "the base is no Debian: its packages are NOT in the SBOM; add those that its maker publishes" >&2
    fi
    "$tools/bin/python" .ci/sbom.py --python "$scratch/python.json" --debian "$scratch/debian" \
        --os-release "$root/etc/os-release" --image "$tag" --digest "$(<"$scratch/digest")" >"$scratch/cdx.json"
    buildah rm "$container" >/dev/null
}

hand_over() {
    local name=$out/medpattern-$version$suffix part
    mkdir -p "$out"
    for part in oci.tar digest cdx.json requirements.txt; do
        mv "$scratch/$part" "$name.$part"
    done
    echo "$tag@$(<"$name.digest")"
    (cd "$out" && du --apparent-size -h -- "$(basename "$name")".*)
    [[ -z $suffix ]] || echo "Its base is FOR TESTS ONLY: do not release it." >&2
}

((EUID == 0)) || fail ".ci/image.sh needs root, to own the files of the image and to look into it"
mkdir -p "$cache"
scratch=$(mktemp -d "$cache/build.XXXXXX")
# A mount that was left would be emptied by rm: buildah lets go of its own first.
trap 'buildah rm --all >/dev/null 2>&1; rm -rf --one-file-system "$scratch"' EXIT

if [[ ${1:-} == base ]]; then
    make_test_base
    exit
fi
needs buildah
# Its own storage: nothing is left over from an earlier build, and nothing stays.
cat >"$scratch/storage.conf" <<END
[storage]
driver = "$STORAGE_DRIVER"
graphroot = "$scratch/storage"
runroot = "$scratch/run"
END
export CONTAINERS_STORAGE_CONF=$scratch/storage.conf

choose_base
find_python
gather_wheels
build
write_sbom
hand_over
