#!/usr/bin/env bash
# Where the time of a bare host's first deploy goes: apt, the image's pull, and the rest, from the events that
# `deploy --json` tells.
#
#   first-deploy.sh OCRCTL INVENTORY ENV     on a host that nothing was deployed to
set -euo pipefail
"$1" --inventory "$2" --json --yes deploy "$3" | jq --raw-output --slurp '
    def seconds: .time | sub("\\.[0-9]+"; "") | fromdate;
    def fraction: (.time | capture("\\.(?<f>[0-9]+)").f | ("0." + .) | tonumber);
    def at: seconds + fraction;
    (map(select(.time)) | (last | at) - (first | at)) as $all
    | (map(select(.type == "step" and .resource == "packages" and .state.state == "done")) | map(.state.ms) | add / 1000) as $apt
    | (map(select(.type == "progress" and .resource == "image")) | if length > 0 then (last | at) - (first | at) else 0 end) as $pull
    | "all        \($all * 10 | round / 10) s\napt        \($apt * 10 | round / 10) s  \(100 * $apt / $all | round) %\nimage pull \($pull * 10 | round / 10) s  \(100 * $pull / $all | round) %\nthe rest   \(($all - $apt - $pull) * 10 | round / 10) s  \(100 * ($all - $apt - $pull) / $all | round) %"'
