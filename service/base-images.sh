#!/usr/bin/env bash
# Sees to it that the base images of service/Dockerfile are there. Those that are neither there nor to be pulled are made
# from the distribution's packages, under the same names: by mmdebstrap, and with this machine's Rust toolchain.
#
#   base-images.sh             both
#   base-images.sh --native    the one that the service runs on, of this machine's own release. Its name begins the last line
set -euo pipefail

suite=trixie
base_image=${BASE_IMAGE:-debian:$suite-slim}
rust_image=${RUST_IMAGE:-rust:1.95-$suite}
# Seconds for a registry to say that it has the image; the pull itself may take as long as it takes.
ask_timeout=${ASK_TIMEOUT:-20}

main() {
    if [[ ${1:-} == --native ]]; then
        # shellcheck source=/dev/null
        . /etc/os-release
        suite=$VERSION_CODENAME
        base_image=$ID:$suite
        [[ $ID != debian ]] || base_image+=-slim
        obtain "$base_image" make_base
    else
        obtain "$base_image" make_base
        obtain "$rust_image" make_rust
    fi
}

obtain() { # IMAGE, how to make it
    if docker image inspect "$1" >/dev/null 2>&1; then
        echo "$1 is there"
    elif timeout "$ask_timeout" docker manifest inspect "$1" >/dev/null 2>&1 && docker pull --quiet "$1" >/dev/null; then
        echo "$1 pulled"
    else
        echo "$1 can't be pulled; making one from $suite's packages"
        "$2" "$1"
        echo "$1 made"
    fi
}

make_base() {
    # shellcheck disable=SC2016  # for the hook's own shell to expand
    bootstrap "$1" 'CMD ["/bin/bash"]' ca-certificates
}

make_rust() {
    local wanted sysroot
    wanted=${1#*:}
    wanted=${wanted%%-*}
    sysroot=$(rustc --print sysroot)
    if [[ $(rustc --version) != "rustc $wanted"* ]]; then
        echo "base-images.sh: $1 wants Rust $wanted, and here is $(rustc --version)" >&2
        exit 1
    fi
    # A company's proxy may answer for every host with certificates of its own; inside, cargo and pip trust what this
    # machine trusts.
    mkdir -p "$work/rust/usr/local/share/ca-certificates"
    cp -r /usr/local/share/ca-certificates/. "$work/rust/usr/local/share/ca-certificates/" 2>/dev/null || true
    for part in bin lib libexec; do
        cp -r "$sysroot/$part" "$work/rust/usr/local/"
    done
    # shellcheck disable=SC2016  # for the hook's own shell to expand
    bootstrap "$1" 'CMD ["bash"]' ca-certificates,gcc,g++,libc6-dev,make,pkg-config \
        --customize-hook="cp -r '$work/rust/.' \"\$1/\"" \
        --customize-hook='chroot "$1" update-ca-certificates >/dev/null'
}

bootstrap() { # IMAGE, a docker change, packages, more options of mmdebstrap
    local image=$1 change=$2 packages=$3
    shift 3
    command -v mmdebstrap >/dev/null || {
        echo "base-images.sh: mmdebstrap is missing, so $image can't be made" >&2
        echo "hint: apt-get install mmdebstrap" >&2
        exit 1
    }
    local as_root=()
    [[ $(id -u) == 0 ]] || as_root=(sudo)
    "${as_root[@]}" mmdebstrap --quiet --variant=minbase --include="$packages" --aptopt="$work/apt.conf" \
        --dpkgopt=force-unsafe-io \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
        --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
        "$@" "$suite" "$work/root.tar"
    docker import --change "$change" "$work/root.tar" "$image" >/dev/null
    "${as_root[@]}" rm -f "$work/root.tar"
}

# Inside, apt reaches the mirror as this machine does: through its proxy, and as strict about dates.
write_apt_conf() {
    local http='' https='' check_date='' check_valid_until=''
    eval "$(apt-config shell http Acquire::http::Proxy https Acquire::https::Proxy \
        check_date Acquire::Check-Date check_valid_until Acquire::Check-Valid-Until)"
    {
        echo 'Acquire::Languages "none";'
        [[ -z $http ]] || echo "Acquire::http::Proxy \"$http\";"
        [[ -z $https ]] || echo "Acquire::https::Proxy \"$https\";"
        [[ -z $check_date ]] || echo "Acquire::Check-Date \"$check_date\";"
        [[ -z $check_valid_until ]] || echo "Acquire::Check-Valid-Until \"$check_valid_until\";"
    } >"$work/apt.conf"
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
write_apt_conf
main "$@"
