#!/usr/bin/env bash
# Makes what a rehearsal needs beside ocrctl, and what is not made by it: the images of the machines, the base images of the
# service's image, and its first stages. The Makefile runs it while ocrctl is compiled.
#
#   ahead.sh [--native] bookworm|trixie    --native: for service/native-image.sh
set -euo pipefail
native=''
[[ ${1:-} != --native ]] || {
    native=$1
    shift
}
[[ $# == 1 ]] || {
    echo "usage: $0 [--native] bookworm|trixie" >&2
    exit 64
}
cd "$(dirname "$0")/.."

vagrant/base-image.sh "$1"
vagrant/base-image.sh infra
service/base-images.sh ${native:+"$native"}
if [[ -z $native ]]; then
    # The stages that need these files alone. `ocrctl build` sends the same files, and finds the same layers in the engine's cache:
    # so they are built by the engine's own builder, as there, with the modes and the owner that it gives them.
    tar --create --owner=root:0 --group=root:0 --mode=u=rwX,go=rX service/{Dockerfile,build-engine.sh,fetch-pdfium.sh,pdfium.txt,fetch-pp-ocr.sh,pp-ocr.txt} |
        service/legacy-build.sh --target engine --file service/Dockerfile -
fi
