#!/usr/bin/env bash
# Deploys and rollbacks between two releases whose images the rehearsal's host has: how long one takes beside the start of
# the service alone, and how many requests fail while 20 of each go on under load (kept and fresh connections, one of
# the requests as long as a third of the drain). `ocrctl rehearse --keep` leaves the host ready; `make bench` calls this.
#
#   switches.sh OCRCTL STATE [ROUNDS]    STATE: the rehearsal's directory, such as .rehearsal/trixie
set -euo pipefail
ocrctl=$(realpath "$1") state=$(realpath "$2") rounds=${3:-20}
most=$((SECONDS + 420)) # seconds; on a machine that is slower it ends with fewer rounds, and says so
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
machines=$state/machines.json
image=$(sed -n 's/^ *image: \([^@]*\).*/\1/p' "$state/inventory.yaml" | sed 's|:[^/:]*$||')
# The tags that the rehearsal pushed, a drain that long requests fit into, time to become ready under load, and no watch, which is a wait for failures.
inventory() {
    sed -e "s|^\( *image: \).*|\1$image:$1|" -e 's|drain: [0-9]*s|drain: 15s, watch: 0s|; s|ready_timeout: [0-9]*s|ready_timeout: 120s|' "$state/inventory.yaml" >"$work/inventory.yaml"
}
run() { "$ocrctl" --inventory "$work/inventory.yaml" --json --yes "$@" >"$work/out.jsonl"; }
# Milliseconds since the epoch of the line that jq selects.
when() { jq -rs "map(select($1)) | last | .time | sub(\"\\\\.(?<ms>[0-9]+)Z\"; \" \\(.ms)\") | split(\" \") | ((.[0] + \"Z\" | fromdate) * 1000 + (.[1] | tonumber))" "$work/out.jsonl"; }
median() { sort -n | awk '{a[NR] = $1} END {print a[int((NR + 1) / 2)]}'; }
sum() { awk '{s += $1} END {print s + 0}'; }
most_of() { sort -n | tail -1; }

# To the other release and back, so that the host has both, with these settings.
for tag in 1 2 1; do
    inventory "$tag"
    run deploy rehearsal
done

echo "Nobody asking:"
one() {
    local began ended
    began=$(date +%s%3N)
    run "$@"
    ended=$(date +%s%3N)
    local starting switching
    starting=$(when '.type == "progress" and ((.message // "") | startswith("starting slot"))')
    switching=$(when '.type == "progress" and ((.message // "") | startswith("switching"))')
    echo $((ended - began)) >>"$work/$1.all"
    echo $((switching - starting)) >>"$work/$1.start"
    echo $((switching - began)) >>"$work/$1.serves"
}
for _ in $(seq "$((rounds < 5 ? rounds : 5))"); do
    inventory 2
    one deploy rehearsal
    one rollback rehearsal
done
for command in deploy rollback; do
    awk -v c="$command" -v all="$(median <"$work/$command.all")" -v start="$(median <"$work/$command.start")" -v serves="$(median <"$work/$command.serves")" 'BEGIN {
        printf "  %-9s %5d ms, the new release serves after %d ms; the service alone, start to ready: %d ms. The rest: %d ms\n", c, all, serves, start, all - start }'
done

root=$work/ca.pem
"$ocrctl" --inventory "$work/inventory.yaml" cert renew rehearsal --force >"$work/said" 2>&1 || { cat "$work/said" >&2; exit 1; }
curl --silent --fail --cacert "$state/ca.crt" \
    "https://127.0.0.1:$(jq -r .infra.acme_management_port "$machines")/roots/0" >"$root"
"$ocrctl" --inventory "$work/inventory.yaml" keys add rehearsal --name "bench $(date +%s)" --out "$work/key"
probe=(--probe --probe-key-file "$work/key" --probe-ca "$root" --probe-at "127.0.0.1:$(jq -r .prod1.https_port "$machines")" --probe-pages 6)

rounds_done=0
for _ in $(seq "$rounds"); do
    ((SECONDS < most)) || break
    for command in deploy rollback; do
        inventory 2
        run "$command" rehearsal "${probe[@]}" || echo "  $command ended with $?: $(jq -c 'select(.type == "error" or .type == "probed")' "$work/out.jsonl")"
        jq -c 'select(.type == "probed")' "$work/out.jsonl" >>"$work/probed"
        starting=$(when '.type == "progress" and ((.message // "") | startswith("starting slot"))')
        switching=$(when '.type == "progress" and ((.message // "") | startswith("switching"))')
        echo $((switching - starting)) >>"$work/$command.under_load"
    done
    rounds_done=$((rounds_done + 1))
done
field() { jq ".$1" "$work/probed"; }
echo "$rounds_done deploys and $rounds_done rollbacks under load: $(field requests | sum) requests, $(field failed | sum) failed;" \
    "the longest took $(field longest_ms | most_of) ms, $(field longest_gap_ms | most_of) ms at most without an answer;" \
    "start to ready under load: $(median <"$work/deploy.under_load") and $(median <"$work/rollback.under_load") ms"

# As it was found: the next benchmark expects nothing to deploy.
"$ocrctl" --inventory "$state/inventory.yaml" --yes deploy rehearsal >"$work/out" 2>&1 || { cat "$work/out" >&2; exit 1; }
