#!/bin/sh
# Puts libpdfium.so, pinned by its hash in pdfium.txt, into a directory: the one given, or else the one where cargo
# puts ocr-service, which looks for it beside itself. Needs python3 with pip.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
into=${1:-${CARGO_TARGET_DIR:-$here/../target}/release}
library=$into/libpdfium.so
stamp=$into/.libpdfium.sha256

mkdir -p "$into"
if [ -f "$library" ] && [ -f "$stamp" ] && cmp -s "$stamp" "$here/pdfium.txt"; then
    exit 0
fi
if [ "$(uname -sm)" != "Linux x86_64" ]; then
    echo "fetch-pdfium.sh: pdfium.txt pins the build for Linux on x86_64, and this is $(uname -sm)" >&2
    echo "hint: bring your own libpdfium.so, build 8125 or newer, and name it by OCR_PDFIUM" >&2
    exit 1
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m pip download --quiet --disable-pip-version-check --require-hashes --no-deps \
    --only-binary :all: --platform manylinux_2_17_x86_64 --dest "$work" --requirement "$here/pdfium.txt"
python3 -m zipfile -e "$work"/pypdfium2-*.whl "$work/wheel"

cp "$work/wheel/pypdfium2_raw/libpdfium.so" "$library.new"
mv "$library.new" "$library"
rm -rf "$into/libpdfium-licenses"
cp -r "$work"/wheel/pypdfium2-*.dist-info/licenses "$into/libpdfium-licenses"
cp "$here/pdfium.txt" "$stamp"
echo "fetch-pdfium.sh: $library" >&2
