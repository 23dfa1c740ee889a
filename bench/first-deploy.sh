#!/usr/bin/env bash
# The parts of a bare host's first deploy: apt, the image's pull, and the rest, from the events of `deploy --json`. The host is
# the rehearsal's second one, to which `ocrctl rehearse --smoke --keep` has deployed nothing.
#
#   first-deploy.sh OCRCTL STATE     STATE: the rehearsal's directory, such as .rehearsal/trixie
set -euo pipefail
state=$(realpath "$2")
inventory=$state/bench-first.yaml
trap 'rm -f "$inventory"' EXIT
# The rehearsal's environment with this host alone, and an authority of its own: the ACME server finds the first host.
jq --raw-output '.prod2 | "      - {name: prod2, address: 127.0.0.1, port: \(.ssh_port), user: \(.user), identity_file: \(.identity_file), host_keys: \(.host_keys | tojson)}"' \
    "$state/machines.json" >"$state/bench-host"
sed -e '/^ *- name: prod1$/,/^    [a-z]/{/^    [a-z]/!d}' -e "/^    hosts:/r $state/bench-host" \
    -e 's/^    tls: .*/    tls: {issuer: self_signed}/' "$state/inventory.yaml" >"$inventory"
rm "$state/bench-host"
"$(realpath "$1")" --inventory "$inventory" --json --yes deploy rehearsal | jq --raw-output --slurp '
    def seconds: .time | sub("\\.[0-9]+"; "") | fromdate;
    def fraction: (.time | capture("\\.(?<f>[0-9]+)").f | ("0." + .) | tonumber);
    def at: seconds + fraction;
    (map(select(.time)) | (last | at) - (first | at)) as $all
    | (map(select(.type == "step" and .resource == "packages" and .state.state == "done")) | map(.state.ms) | add / 1000) as $apt
    | (map(select(.type == "progress" and .resource == "image")) | if length > 0 then (last | at) - (first | at) else 0 end) as $pull
    | "all        \($all * 10 | round / 10) s\napt        \($apt * 10 | round / 10) s  \(100 * $apt / $all | round) %\nimage pull \($pull * 10 | round / 10) s  \(100 * $pull / $all | round) %\nthe rest   \(($all - $apt - $pull) * 10 | round / 10) s  \(100 * ($all - $apt - $pull) / $all | round) %"'
