#!/usr/bin/env bash
# Builds what tests/live starts: etcd, kube-apiserver, kube-controller-manager, kube-scheduler, kwok, which plays the
# kubelets of nodes, Argo CD with its Helm, OpenBao, SOPS with age, and a program that asks Knative's own code. Argo CD's
# Redis is Debian's, of redis-tools, which starts no service.
#
# Each program is an ordinary `go build` of a pinned version from the Go module proxy; the pins are the go.mod and go.sum
# of tests/live/tools/, which no build changes. Programs are kept in $MEDPATTERN_CI_CACHE (default: ~/.cache/medpattern)
# under a name with the digest of their module, so that a changed pin is a new program and the old one serves older
# checkouts. Cold it takes some 30 minutes of two cores, at the lowest priority; where everything is there, a moment.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

cache=${MEDPATTERN_CI_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/medpattern}/cluster
tools=$PWD/tests/live/tools
export CGO_ENABLED=0 GOWORK=off GOFLAGS="-trimpath -buildvcs=false -mod=readonly"

# module, program, package
programs() {
    cat <<'LIST'
control-plane etcd go.etcd.io/etcd/server/v3
control-plane kube-apiserver k8s.io/kubernetes/cmd/kube-apiserver
control-plane kube-controller-manager k8s.io/kubernetes/cmd/kube-controller-manager
control-plane kube-scheduler k8s.io/kubernetes/cmd/kube-scheduler
control-plane kwok sigs.k8s.io/kwok/cmd/kwok
control-plane argocd github.com/argoproj/argo-cd/v3/cmd
control-plane helm helm.sh/helm/v3/cmd/helm
knative knative-verdict .
openbao bao github.com/openbao/openbao
sops sops github.com/getsops/sops/v3/cmd/sops
sops age filippo.io/age/cmd/age
sops age-keygen filippo.io/age/cmd/age-keygen
LIST
}

# Kept in step with tests/live/servers/built.py.
digest() { (cd "$tools/$1" && shopt -s nullglob && cat go.mod go.sum *.go) | sha256sum | cut -c1-16; }

version() { go -C "$tools/$1" list -m -f '{{.Version}}' "$2"; }

# Without a version kube-apiserver calls itself v0.0.0-master, which clients do not take for a version; see
# https://github.com/kubernetes/kubernetes/blob/v1.36.1/hack/lib/version.sh. Argo CD's own does the same, and OpenBao,
# whose releases are no versions of its module: the comment behind the pin says which one it is.
flags() {
    local package found minor
    printf -- '-s -w'
    case $1 in
    kube-*)
        found=$(version control-plane k8s.io/kubernetes)
        minor=${found#v1.}
        for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
            printf -- ' -X %s.gitVersion=%s -X %s.gitMajor=1 -X %s.gitMinor=%s -X %s.gitTreeState=clean' \
                "$package" "$found" "$package" "$package" "${minor%%.*}" "$package"
        done
        ;;
    bao)
        found=$(sed -n 's|^require github.com/openbao/openbao .* // ||p' "$tools/openbao/go.mod")
        printf -- ' -X github.com/openbao/openbao/version.fullVersion=%s' "$found"
        ;;
    argocd)
        found=$(version control-plane github.com/argoproj/argo-cd/v3)
        package=github.com/argoproj/argo-cd/v3/common
        printf -- ' -X %s.version=%s -X %s.gitTreeState=clean' "$package" "${found#v}" "$package"
        ;;
    esac
}

require_go() {
    local needed
    needed=$(sed -n 's/^go //p' "$tools/$1/go.mod")
    if ! command -v go >/dev/null; then
        echo "tests/live builds its servers with Go $needed or later, and there is no 'go' on the path: https://go.dev/dl/" >&2
        exit 1
    elif ! go -C "$tools/$1" list -m >/dev/null 2>"$cache/go.log"; then
        cat "$cache/go.log" >&2
        echo "tests/live/tools/$1 needs Go $needed or later, and $(go version) does not take it:" \
            "install a newer one, or set GOTOOLCHAIN=auto, with which Go fetches it" >&2
        exit 1
    fi
}

build() {
    local module=$1 program=$2 package=$3 start=$SECONDS
    local to=$cache/$program-$(digest "$module")
    if [[ -x $to ]]; then
        echo "$program: there"
        return
    fi
    require_go "$module"
    if ! nice -n 19 go -C "$tools/$module" build -ldflags "$(flags "$program")" -o "$to.part" "$package" 2>"$cache/go.log"; then
        cat "$cache/go.log" >&2
        echo "$program could not be built" >&2
        exit 1
    fi
    mv "$to.part" "$to"
    echo "$program: built in $((SECONDS - start)) s, $(($(stat -c %s "$to") / 1000000)) MB"
}

# The manifest with which upstream installs this very version; test clusters are bootstrapped with it.
manifest() {
    local folder to
    to=$cache/argocd-install.yaml-$(digest control-plane)
    if [[ ! -f $to ]]; then
        require_go control-plane
        folder=$(go -C "$tools/control-plane" list -m -f '{{.Dir}}' github.com/argoproj/argo-cd/v3)
        install -m 644 "$folder/manifests/install.yaml" "$to.part"
        mv "$to.part" "$to"
    fi
    echo "argocd-install.yaml: there"
}

# kwok knows no step by itself, of a pod that starts or a claim that is bound: those of its module are what it is given.
stages() {
    local folder to stage
    to=$cache/kwok-stages.yaml-$(digest control-plane)
    if [[ ! -f $to ]]; then
        require_go control-plane
        folder=$(go -C "$tools/control-plane" list -m -f '{{.Dir}}' sigs.k8s.io/kwok)/kustomize/stage
        for stage in "$folder"/{node/fast/node,node/heartbeat-with-lease/node,pod/fast/pod,volume/fast/p}*.yaml; do
            cat "$stage"
            echo ---
        done >"$to.part"
        mv "$to.part" "$to"
    fi
    echo "kwok-stages.yaml: there"
}

redis() {
    if ! command -v redis-check-rdb >/dev/null; then
        if ! command -v apt-get >/dev/null || ((EUID)); then
            echo "tests/live runs Argo CD's Redis; run this, then again what you ran:" >&2
            echo "  sudo apt-get update && sudo apt-get install --no-install-recommends redis-tools" >&2
            exit 1
        fi
        # .ci/install_real.sh may be at it.
        exec 8>"${cache%/cluster}/apt.lock"
        flock 8
        export DEBIAN_FRONTEND=noninteractive
        apt-get -qq update
        apt-get -qq -y --no-install-recommends -o Dpkg::Use-Pty=0 install redis-tools >"$cache/redis.log" 2>&1 || {
            tail -n 20 "$cache/redis.log" >&2
            echo "apt-get could not install redis-tools" >&2
            exit 1
        }
    fi
    echo "redis: there"
}

mkdir -p "$cache"
# Two checkouts may share the cache: the second waits, and then finds everything there.
exec 9>"$cache/lock"
flock 9
while read -r module program package; do
    build "$module" "$program" "$package"
done < <(programs)
manifest
stages
redis
