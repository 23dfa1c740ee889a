#!/usr/bin/env bash
# Makes an image of the service as this machine has compiled it, on this machine's own release: for a rehearsal, in a
# fraction of the time that `ocrctl build` takes for what goes to servers. It has the distribution's Tesseract, and the
# languages of the variable LANGUAGES: Tesseract's names, separated by commas.
#
#   native-image.sh DIRECTORY IMAGE    DIRECTORY has ocr-service, libpdfium.so, the directory pp-ocr and their licences
set -euo pipefail
[[ $# == 2 ]] || {
    sed -n '2,/^set/{s/^# \{0,1\}//p}' "$0" >&2
    exit 64
}
built=$1 image=$2
here=$(cd "$(dirname "$0")" && pwd)

base=$("$here/base-images.sh" --native | tail --lines=1)
base=${base%% *}
context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
install -D "$built/ocr-service" "$context/usr/local/bin/ocr-service"
mkdir -p "$context/usr/lib/ocr"
cp -r "$built"/{libpdfium.so,libpdfium-licenses,pp-ocr,pp-ocr-licenses} "$context/usr/lib/ocr/"
chmod -R u=rwX,go=rX "$context/usr"
# The last stage of the Dockerfile, with these files in place of those of its other stages.
{
    echo 'ARG BASE_IMAGE'
    sed -n '/^FROM ${BASE_IMAGE}$/,$p' "$here/Dockerfile" | sed '/^COPY --from=\(engine\|parts\) /d; s|^COPY --from=build /out/ /$|COPY usr/ /usr/|'
} >"$context/Dockerfile"
"$here/legacy-build.sh" --build-arg "BASE_IMAGE=$base" --build-arg VERSION=rehearsal ${LANGUAGES:+--build-arg "LANGUAGES=$LANGUAGES"} --tag "$image" "$context"
echo "made $image of $built/ocr-service on $base"
