#!/usr/bin/env bash
# Scores what is read on a directory's pictures against their transcripts: the service beside RapidOCR, faster-paddle,
# Tesseract and kreuzberg, page by page in turns, with the CPU time of each.
#
#   pages.sh [--limit N] [--only NAME]... DIRECTORY
#   pages.sh --brief                                  one drawn page, to see that it works
#
# DIRECTORY has NAME.txt beside each picture, or img/ and box/NAME.csv as the receipts of SROIE have. --limit N takes N
# pictures, evenly spread. --only names readers: service, rapidocr, faster-paddle, faster-paddle-small, tesseract, kreuzberg.
#
# Needs target/release/ocr-service (or OCR_SERVICE) with what service/fetch-pdfium.sh and service/fetch-pp-ocr.sh put beside
# it, python3 with venv, and for its row tesseract. The peers are installed once, into the target directory.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
target=${CARGO_TARGET_DIR:-$here/../target}
service=${OCR_SERVICE:-$target/release/ocr-service}
peers=$target/bench-pages

work=$(mktemp -d)
started=()
trap 'kill "${started[@]}" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$work"' EXIT

while read -r name requirements; do
    [[ ! -e $peers/$name/installed-$requirements ]] || continue
    rm -rf "${peers:?}/$name"
    python3 -m venv "$peers/$name"
    IFS=, read -ra packages <<<"$requirements"
    # A peer that can't be installed has no row.
    if "$peers/$name/bin/pip" install --quiet --disable-pip-version-check "${packages[@]}"; then
        touch "$peers/$name/installed-$requirements"
    fi
done <<'EOF'
rapidocr rapidocr==3.10.0,onnxruntime==1.32.0,pillow==13.0.0
faster-paddle faster-paddle==1.0.4
kreuzberg kreuzberg==4.10.4
EOF

if [[ ${1:-} == --brief ]]; then
    shift
    "$peers/rapidocr/bin/python" "$here/pages.py" --draw "$work/page"
    set -- "$@" "$work/page"
fi

key=$("$service" key new --name bench --file "$work/keys.json")
"$service" serve --listen 127.0.0.1:0 --keys "$work/keys.json" --workers 1 --cache 0 2>"$work/log" &
started+=($!)
address=''
for _ in {1..100}; do
    address=$(sed -n 's/.*"listen":"\([^"]*\)".*/\1/p' "$work/log")
    if [[ -n $address ]] && curl --silent --fail --output /dev/null "http://$address/readyz"; then
        break
    fi
    sleep 0.1
done
KEY=$key python3 "$here/pages.py" --service "$address/${started[0]}" --peers "$peers" "$@"
