#!/usr/bin/env bash
# A page of text at 300 dpi through HTTPS (NGINX, socket, container, worker), beside the same page through the
# `tesseract` command with OMP_THREAD_LIMIT=1, by turns in one run. `ocrctl rehearse --keep` leaves the host ready.
#
#   page.sh OCRCTL STATE [ROUNDS]    STATE: the rehearsal's directory, such as .rehearsal/trixie
set -euo pipefail
ocrctl=$(realpath "$1") state=$(realpath "$2") rounds=${3:-7}
cd "$(dirname "$0")"
port=$(jq -r .prod1.https_port "$state/machines.json")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

pdftoppm -r 300 -gray -png -singlefile ../vagrant/documents/letter.pdf "$work/page"

# The root that the rehearsal's ACME server signs under is another at each of its starts.
"$ocrctl" --inventory "$state/inventory.yaml" cert renew rehearsal --force >"$work/said" 2>&1 || { cat "$work/said" >&2; exit 1; }
curl --silent --fail --cacert "$state/ca.crt" \
    "https://127.0.0.1:$(jq -r .infra.acme_management_port "$state/machines.json")/roots/0" >"$work/ca.pem"
# Standard input, not arguments, for the key
printf 'header = "Authorization: Bearer %s"\n' \
    "$("$ocrctl" --inventory "$state/inventory.yaml" keys add rehearsal --name "bench $(date +%s)")" >"$work/curl"
over_https() {
    curl --silent --fail --config "$work/curl" --cacert "$work/ca.pem" --resolve "ocr.rehearsal.test:$port:127.0.0.1" \
        --header 'Accept: text/plain' --header 'Cache-Control: no-cache' --data-binary @"$work/page.png" "https://ocr.rehearsal.test:$port/v1/ocr"
}
alone() { OMP_THREAD_LIMIT=1 tesseract "$work/page.png" - 2>/dev/null; }
milliseconds() {
    local began
    began=$(date +%s%N)
    "$@" >"$work/text"
    grep -q 'Invoice 2026-0417' "$work/text" # what was timed has been read
    echo $((($(date +%s%N) - began) / 1000000))
}
median() { sort -n | awk '{a[NR] = $1} END {print a[int((NR + 1) / 2)]}'; }

for attempt in {1..50}; do # until the key is in force
    ! over_https >/dev/null || break
    ((attempt < 50)) || { over_https --show-error; exit 1; }
    sleep 0.2
done
for _ in $(seq "$rounds"); do
    milliseconds over_https >>"$work/https"
    milliseconds alone >>"$work/alone"
done
awk -v a="$(median <"$work/alone")" -v b="$(median <"$work/https")" 'BEGIN {
    printf "tesseract command    %5d ms\nover HTTPS           %5d ms   %.2f x tesseract\n", a, b, b / a }'
