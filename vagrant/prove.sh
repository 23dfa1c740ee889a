#!/usr/bin/env bash
# Runs the proofs on both releases of Debian beside each other, as most of both is waiting. Trixie's output comes as it is
# made, bookworm's after it, and at the very end the summary of both: a log that is cut in the middle keeps it.
#
#   prove.sh OCRCTL IMAGE [OPTION...]    the options are for bookworm alone, such as --skip PROOF
set -euo pipefail
[[ $# -ge 2 ]] || {
    sed -n '2,/^set/{s/^# \{0,1\}//p}' "$0" >&2
    exit 64
}
ocrctl=$1 image=$2
shift 2
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

prove() { # RELEASE [OPTION...]
    "$ocrctl" rehearse --release "$1" --image "$image" "${@:2}" 2>&1
}
failed=0
prove bookworm "$@" >"$logs/bookworm" &
bookworm=$!
prove trixie | tee "$logs/trixie" || failed=$?
wait "$bookworm" || failed=$?
cat "$logs/bookworm"
echo
for release in trixie bookworm; do
    sed -n '/rehearsal on /,$p' "$logs/$release"
done
exit "$failed"
