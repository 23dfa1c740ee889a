#!/usr/bin/env bash
# `docker build` by the engine's own builder, which `ocrctl build` uses too and finds the layers of. The docker command
# warns that this builder is old; there is no other where buildx is not installed, as on Debian.
#
#   legacy-build.sh ARGUMENT...    of `docker build`
set -euo pipefail
DOCKER_BUILDKIT=0 docker build --quiet "$@" 2>&1 >/dev/null | sed '/^DEPRECATED: /,/^$/d' >&2
