#!/usr/bin/env bash
# Builds the service and runs it on this machine alone, with a key of its own, until Ctrl-C. Nothing of it stays but the build.
#
#   try.sh               prints the page to open, the key and a `curl` to copy
#   try.sh COMMAND…      runs a command against it, with OCR_URL and OCR_KEY, and stops
#
# TRY_PORT is where it listens; without it 3000, or any free port where 3000 is taken.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
into=${CARGO_TARGET_DIR:-$root/target}/quick
sample=docs/pictures/invoice.jpg

work=$(mktemp -d)
stop() {
    trap '' INT TERM
    local started
    started=$(jobs -p)
    if [[ -n $started ]]; then
        # shellcheck disable=SC2086  # one word a process
        kill $started 2>/dev/null || true
        wait
    fi
    rm -rf "$work"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Downloads run beside the compiler.
for part in fetch-pdfium fetch-pp-ocr; do
    "$root/service/$part.sh" "$into" 2>"$work/$part" &
    echo $! >"$work/$part.pid"
done
(cd "$root" && cargo build --profile quick --locked -p ocr-service)
for part in fetch-pdfium fetch-pp-ocr; do
    wait "$(cat "$work/$part.pid")" || {
        cat "$work/$part" >&2
        exit 1
    }
done

port=${TRY_PORT:-3000}
if [[ -z ${TRY_PORT:-} ]] && (: <>/dev/tcp/127.0.0.1/3000) 2>/dev/null; then
    port=0
fi
key=$("$into/ocr-service" key new --name try --file "$work/keys.json")
log=$work/log
# In a process group of its own, so that Ctrl-C reaches the script first.
set -m
"$into/ocr-service" serve --listen "127.0.0.1:$port" --keys "$work/keys.json" --release try >"$log" 2>&1 </dev/null &
service=$!
set +m

failed() {
    echo "$1; the end of its log:" >&2
    tail --lines=5 "$log" >&2
    exit 1
}
url=''
for ((tries = 0; ; tries++)); do
    kill -0 "$service" 2>/dev/null || failed 'the service has ended'
    ((tries < 300)) || failed 'the service is not ready after 30 s'
    address=$(sed -n 's/.*"listen":"\([^"]*\)".*/\1/p' "$log")
    url=http://$address/
    [[ -z $address ]] || ! curl --silent --fail --output /dev/null "${url}readyz" || break
    sleep 0.1
done

if (($#)); then
    export OCR_URL=$url OCR_KEY=$key
    cd "$root"
    "$@"
    exit
fi
cat <<END

The service is ready.

    page   $url
    key    $key
    curl   curl -H 'Authorization: Bearer $key' -F file=@$sample ${url}v1/ocr

Ctrl-C stops it.
END
trap 'exit 0' INT TERM
wait "$service" || failed 'the service has ended'
