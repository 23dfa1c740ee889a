#!/usr/bin/env bash
# Installs the Debian or Ubuntu packages that a task needs: only those missing, asking nothing.
#
#   install-deps.sh rehearse    boot the rehearsal machines
#   install-deps.sh build       compile ocrctl and the service
#   install-deps.sh try         ask the service on this machine (also wants `build`)
#   install-deps.sh dist        make what is released (also wants `build`)
#   install-deps.sh engine      build Tesseract again (also wants `build`)
#   install-deps.sh test        run every test (also wants `rehearse` and `build`)
#
# Several groups may be given. The sshd, the docker-registry and the Prometheus that come along for the tests are neither
# started nor enabled: the tests run their own, on loopback.
# shellcheck disable=SC2034  # the groups are read through a name reference
set -euo pipefail

usage() {
    sed -n '2,/^[^#]/{/shellcheck/d;s/^# \{0,1\}//p}' "$0" >&2
    exit 64
}

# command:package, where another package may bring the command (docker-ce, a newer vagrant); else the package
rehearse=(dockerd:docker.io docker:docker.io vagrant:vagrant mmdebstrap:mmdebstrap debian-archive-keyring
    ssh:openssh-client openssl:openssl jq:jq curl:curl age:age ca-certificates iptables:iptables)
build=(libtesseract-dev libleptonica-dev libclang-dev clang:clang pkg-config:pkg-config cmake:cmake c++:g++ make:make
    tesseract:tesseract-ocr tesseract-ocr-eng tesseract-ocr-osd libheif1 libheif-plugin-libde265 libheif-plugin-dav1d pip3:python3-pip unzip:unzip)
try=(curl:curl jq:jq)
engine=(autoconf:autoconf autoconf-archive automake:automake libtoolize:libtool dpkg-source:dpkg-dev objdump:binutils)
test=(python3-venv tesseract-ocr-rus tesseract-ocr-ell tesseract-ocr-ara tesseract-ocr-hin tesseract-ocr-kor sshd:openssh-server ssh:openssh-client sudo:sudo useradd:passwd jq:jq pdftotext:poppler-utils qpdf:qpdf
    openssl:openssl curl:curl fonts-dejavu-core fonts-liberation fonts-freefont-ttf shellcheck:shellcheck pebble:pebble docker-registry:docker-registry htpasswd:apache2-utils
    chromium:chromium promtool:prometheus)
dist=(dpkg-deb:dpkg readelf:binutils jq:jq xz:xz-utils)
# units that would start by themselves, by package
declare -A starts=([openssh-server]='ssh.service ssh.socket' [docker-registry]=docker-registry.service
    [prometheus]=prometheus.service)

export PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin # where servers are, also for those who aren't root
installed() { dpkg-query --show --showformat='${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed; }
as_root() {
    if [[ $(id -u) == 0 ]]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo --preserve-env=DEBIAN_FRONTEND,NEEDRESTART_MODE,RUNLEVEL,http_proxy,https_proxy,no_proxy "$@"
    else
        echo "not root, and sudo is not installed; as root, run: $0 ${groups[*]}" >&2
        exit 1
    fi
}

groups=("$@")
[[ $# -gt 0 ]] || usage
command -v apt-get >/dev/null || {
    echo "this is not Debian or Ubuntu; install what stands in $0 by hand" >&2
    exit 1
}
declare -A wanted=()
for group in "$@"; do
    case $group in
    rehearse | build | try | dist | engine | test) declare -n entries=$group ;;
    *) usage ;;
    esac
    for entry in "${entries[@]}"; do
        command=${entry%%:*} package=${entry#*:}
        if [[ $entry == *:* ]]; then
            command -v "$command" >/dev/null || wanted[$package]=1
        else
            installed "$package" || wanted[$package]=1
        fi
    done
done
available() { [[ -n $(apt-cache policy "$1" | sed -n 's/^ *Candidate: *\([^(].*\)/\1/p') ]]; }
# Before Debian 13 and Ubuntu 24.04, libheif has its decoders within.
without_missing_decoders() {
    local package
    for package in libheif-plugin-libde265 libheif-plugin-dav1d; do
        available "$package" || unset "wanted[$package]"
    done
}
if installed libheif1; then
    without_missing_decoders
fi
if ((${#wanted[@]} == 0)); then
    echo "nothing to install for: $*"
    exit 0
fi

# What a user of the machine would be asked, or have restarted, is not this script's business.
export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l
apt=(as_root apt-get --option DPkg::Lock::Timeout=300 --option Acquire::Retries=3)

# DPkg::Lock::Timeout does not cover the lock of the package lists.
deadline=$((SECONDS + 300))
until "${apt[@]}" --quiet=2 update; do
    ((SECONDS < deadline)) || {
        echo "apt-get update failed for 5 minutes; see above" >&2
        exit 1
    }
    echo "waiting to run apt-get update again" >&2
    sleep 5
done

# From Debian 13 the docker command is in a package of its own; elsewhere docker.io has it.
if [[ -n ${wanted[docker.io]:-} ]] && ! command -v docker >/dev/null && available docker-cli; then
    wanted[docker-cli]=1
fi
# Ubuntu's package of that name brings it as a snap.
if [[ -n ${wanted[chromium]:-} ]] && ! available chromium && available chromium-browser; then
    unset 'wanted[chromium]'
    wanted[chromium-browser]=1
fi
without_missing_decoders
unavailable=()
for package in "${!wanted[@]}"; do
    available "$package" || unavailable+=("$package")
done
if ((${#unavailable[@]})); then
    echo "no package source of this machine has: ${unavailable[*]}" >&2
    echo "hint: on Ubuntu, enable universe; install vagrant from its maker where the distribution has dropped it" >&2
    exit 1
fi

# Without systemd, invoke-rc.d consults the runlevel: nothing of ours starts in 1. Under systemd, a masked unit is not
# started; the mask goes as soon as the package is there, and the unit stays disabled.
hold=()
for package in "${!wanted[@]}"; do
    if [[ -n ${starts[$package]:-} ]] && ! installed "$package"; then
        read -r -a units <<<"${starts[$package]}"
        hold+=("${units[@]}")
    fi
done
systemd=''
[[ ! -d /run/systemd/system ]] || systemd=yes
release_units() {
    local unit
    for unit in "${hold[@]}"; do
        as_root systemctl --quiet unmask "$unit" || true
        as_root systemctl --quiet disable "$unit" 2>/dev/null || true # not every release has both
    done
}
if ((${#hold[@]})); then
    if [[ -n $systemd ]]; then
        trap release_units EXIT
        as_root systemctl --quiet mask "${hold[@]}"
    else
        export RUNLEVEL=1
    fi
fi

readarray -t packages < <(printf '%s\n' "${!wanted[@]}" | sort)
echo "installing ${packages[*]}"
"${apt[@]}" --quiet=2 --yes --no-install-recommends install "${packages[@]}"
