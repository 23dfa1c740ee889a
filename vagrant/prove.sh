#!/usr/bin/env bash
# Runs the proofs on both releases of Debian beside each other, as most of both is waiting. Trixie's output comes as it is
# made, bookworm's after it, and at the very end the summary of both: a log that is cut in the middle keeps it.
#
#   prove.sh [--bench] OCRCTL IMAGE [OPTION...]    the options are for bookworm alone, such as --skip PROOF. --bench: each
#                                                  script of bench/ once on bookworm, which has fewer proofs
set -euo pipefail
cd "$(dirname "$0")/.."
bench=''
[[ ${1:-} != --bench ]] || { bench=yes; shift; }
[[ $# -ge 2 ]] || {
    sed -n '2,/^set/{s/^# \{0,1\}//p}' vagrant/prove.sh >&2
    exit 64
}
ocrctl=$1 image=$2
shift 2
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

prove() { # RELEASE [OPTION...]
    "$ocrctl" rehearse --release "$1" --image "$image" "${@:2}" 2>&1
}
benches() { # on a host as a deploy leaves it: the proofs end with another
    prove bookworm --smoke --keep &&
        bench/all.sh --brief "$ocrctl" .rehearsal/bookworm &&
        env -u RELEASE OCRCTL_REHEARSAL_DIR=.rehearsal/bookworm vagrant/machines.sh down &&
        echo 'bench: every script ran'
}
bookworm() { # [OPTION...]
    prove bookworm "$@" >"$logs/bookworm" || return
    [[ -z $bench ]] || benches >"$logs/bench" 2>&1
}
failed=0
bookworm "$@" &
bookworm=$!
prove trixie | tee "$logs/trixie" || failed=$?
wait "$bookworm" || failed=$?
touch "$logs/bench"
cat "$logs/bookworm" "$logs/bench"
echo
for release in trixie bookworm; do
    sed -n '/rehearsal on /,$p' "$logs/$release"
done
tail --lines=1 "$logs/bench"
exit "$failed"
