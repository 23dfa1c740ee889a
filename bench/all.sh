#!/usr/bin/env bash
# Runs the scripts beside it, on the host that `ocrctl rehearse --smoke --keep` has left.
#
#   all.sh [--brief] OCRCTL STATE    STATE: the rehearsal's directory, such as .rehearsal/trixie. --brief: each script
#                                    once, on as little as it takes
set -euo pipefail
here=$(dirname "$0")
brief=''
[[ ${1:-} != --brief ]] || { brief=yes; shift; }
[[ $# == 2 ]] || {
    sed -n '2,/^set/{s/^# \{0,1\}//p}' "$0" >&2
    exit 64
}
ocrctl=$1 state=$2
run() { # SCRIPT ARGUMENT... [-- ARGUMENT...]: what stands after -- is for a brief run
    local script=$1 arguments=()
    shift
    while [[ $# -gt 0 && $1 != -- ]]; do
        arguments+=("$1")
        shift
    done
    [[ -z $brief ]] || arguments+=("${@:2}")
    echo "$script"
    "$here/$script" "${arguments[@]}"
}
run first-deploy.sh "$ocrctl" "$state"
run no-op.sh "$ocrctl" "$state" -- 1
run page.sh "$ocrctl" "$state" -- 1
run switches.sh "$ocrctl" "$state" -- 1
run hosts.sh "$ocrctl" "$state" -- 2 5 openssh 1
run migrate.sh "$ocrctl" -- 1
run codes.sh -- 77 2
run pages.sh --brief
