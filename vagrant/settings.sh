#!/usr/bin/env bash
# What the rehearsal machines are called, where they listen and where their state is kept.
# Sourced by the scripts beside it; run by the Vagrantfile, which reads the KEY=VALUE lines it prints.
#
#   RELEASE                      release of prod1: bookworm (default) or trixie
#   OCRCTL_REHEARSAL_DIR         state of one set of machines; default .rehearsal in the repository's root
#   OCRCTL_REHEARSAL_HOSTS       1 (default), or 2: prod2 beside prod1, another bare host
#   OCRCTL_REHEARSAL_PORT_BASE   first of the 100 loopback ports of the set; default 23000, or 23100 for trixie
#
# One state directory holds one set of machines. What `up` chose is recorded there, so that later commands
# need no environment.
# shellcheck disable=SC2034  # most of these are for the scripts that source this
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
ROOT=$(dirname "$HERE")
STATE=${OCRCTL_REHEARSAL_DIR:-$ROOT/.rehearsal}
[[ $STATE == /* ]] || STATE=$PWD/$STATE
STATE=$(realpath -m "$STATE")

recorded() { # KEY
    [[ -f $STATE/settings ]] || return 0
    sed -n "s/^$1=//p" "$STATE/settings"
}

recorded_release=$(recorded RELEASE)
recorded_base=$(recorded PORT_BASE)
RELEASE=${RELEASE:-${recorded_release:-bookworm}}
case $RELEASE in
bookworm) default_base=23000 ;;
trixie) default_base=23100 ;;
*) default_base=23200 ;; # Ubuntu, in a VM
esac
PORT_BASE=${OCRCTL_REHEARSAL_PORT_BASE:-${recorded_base:-$default_base}}
recorded_hosts=$(recorded HOSTS)
HOSTS=${OCRCTL_REHEARSAL_HOSTS:-${recorded_hosts:-1}}
[[ $HOSTS == [12] ]] || {
    echo "OCRCTL_REHEARSAL_HOSTS is '$HOSTS': give 1 or 2" >&2
    exit 64
}

if [[ ! $PORT_BASE =~ ^[0-9]+$ ]] || ((PORT_BASE < 1024 || PORT_BASE > 65400)); then
    echo "OCRCTL_REHEARSAL_PORT_BASE is '$PORT_BASE': give a number from 1024 to 65400" >&2
    exit 64
fi
if [[ -n $recorded_release && ($RELEASE != "$recorded_release" || $PORT_BASE != "$recorded_base") ]]; then
    {
        echo "$STATE holds machines of RELEASE=$recorded_release at port base $recorded_base, not of $RELEASE at $PORT_BASE"
        echo "hint: 'env -u RELEASE -u OCRCTL_REHEARSAL_PORT_BASE vagrant/machines.sh down' first, or keep both:"
        echo "      OCRCTL_REHEARSAL_DIR=$STATE-$RELEASE"
    } >&2
    exit 64
fi

# Ports are unique on a machine, so names made from them are too.
NAME=ocrctl-rehearsal-$PORT_BASE
HOST_IMAGE=ocrctl-rehearsal/host:$RELEASE
INFRA_IMAGE=ocrctl-rehearsal/infra:latest
LABEL=ocrctl.rehearsal.state=$STATE # what belongs to this set, however it was left

PROD1_SSH=$((PORT_BASE + 22))
PROD1_HTTP=$((PORT_BASE + 80))
PROD1_HTTPS=$((PORT_BASE + 43))
PROD2_SSH=$((PORT_BASE + 32))
PROD2_HTTP=$((PORT_BASE + 81))
PROD2_HTTPS=$((PORT_BASE + 44))
INFRA_SSH=$((PORT_BASE + 23))
INFRA_REGISTRY=$((PORT_BASE + 50))
INFRA_ORG_REGISTRY=$((PORT_BASE + 51))
INFRA_ACME=$((PORT_BASE + 14))
INFRA_ACME_MANAGEMENT=$((PORT_BASE + 15))
INFRA_CHALLTESTSRV=$((PORT_BASE + 55))

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
    for key in STATE RELEASE HOSTS PORT_BASE NAME HOST_IMAGE INFRA_IMAGE LABEL \
        PROD1_SSH PROD1_HTTP PROD1_HTTPS PROD2_SSH PROD2_HTTP PROD2_HTTPS \
        INFRA_SSH INFRA_REGISTRY INFRA_ORG_REGISTRY INFRA_ACME INFRA_ACME_MANAGEMENT INFRA_CHALLTESTSRV; do
        printf '%s=%s\n' "$key" "${!key}"
    done
fi
