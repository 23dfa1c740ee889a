#!/usr/bin/env bash
# How many codes are found on noised scans, and how many of those said to be right are: with the second look and without
# it, in one run by turns. The scans are drawn here (bench/codes/scans.py), and judged by python-stdnum and vininfo.
#
#   codes.sh [SEED [PAGES]]     one seed gives the same pages; --show as a third argument lists what was missed
#
# Needs target/release/ocr-service (or OCR_SERVICE) with what service/fetch-pdfium.sh and service/fetch-pp-ocr.sh put beside it, and
# python3 with venv. About 3 s a page.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
seed=${1:-77} pages=${2:-240} show=${3:-}
service=${OCR_SERVICE:-${CARGO_TARGET_DIR:-$here/../target}/release/ocr-service}

work=$(mktemp -d)
started=()
trap 'kill "${started[@]}" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$work"' EXIT

python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/codes/requirements.txt"
"$work/venv/bin/python" "$here/codes/scans.py" "$work/scans" "$seed" "$pages"

key=$("$service" key new --name bench --file "$work/keys.json")
addresses=()
for looks in 16 0; do
    : >"$work/log-$looks"
    "$service" serve --listen 127.0.0.1:0 --keys "$work/keys.json" --workers 1 --cache 0 --second-looks $looks 2>>"$work/log-$looks" &
    started+=($!)
    address=''
    for _ in {1..100}; do
        address=$(sed -n 's/.*"listen":"\([^"]*\)".*/\1/p' "$work/log-$looks")
        if [[ -n $address ]] && curl --silent --fail --output /dev/null "http://$address/readyz"; then
            break
        fi
        sleep 0.1
    done
    addresses+=("$address/${started[-1]}")
done
echo "seed $seed"
"$work/venv/bin/python" "$here/codes/judge.py" "$work/scans" "$key" "${addresses[@]}" ${show:+"$show"}
