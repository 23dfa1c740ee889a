#!/usr/bin/env bash
# What a no-op deploy to 20 hosts takes beside one, and the status of 10 hosts beside `ssh HOST true`, each behind a link with 50 ms
# more of a round trip. The hosts are the rehearsal's one machine, by as many links, so its two cores do the work of 20. `ocrctl rehearse --keep` leaves it ready.
#
#   hosts.sh OCRCTL STATE [HOSTS] [MILLISECONDS] [CONNECTION] [ROUNDS]    STATE: the rehearsal's directory, such as .rehearsal/trixie
set -euo pipefail
ocrctl=$(realpath "$1") state=$(realpath "$2") count=${3:-20} latency=${4:-50} connection=${5:-openssh} rounds=${6:-5}
cd "$(dirname "$0")"
some=$((count < 10 ? count : 10)) # hosts whose status is asked
port=$(jq -r .prod1.ssh_port "$state/machines.json")
container=$(jq -r .containers.prod1 "$state/machines.json")
work=$(mktemp -d)
trap 'exec {hold}>&-; rm -rf "$work"' EXIT

# sshd turns strangers away when ten are at the door at once; here they are 20 hosts' worth.
docker exec "$container" sh -c 'echo "MaxStartups 100" >/etc/ssh/sshd_config.d/zz-bench.conf; systemctl reload ssh'
mkfifo "$work/hold"
python3 slow-links.py "$port" "$latency" "$count" <"$work/hold" >"$work/ports" &
# shellcheck disable=SC2034  # held open for the links, and closed at the end
exec {hold}>"$work/hold"
until [[ $(wc -l <"$work/ports") == "$count" ]]; do sleep 0.1; done

# The rehearsal's environment, with its host once for each link.
inventory() { # COUNT
    awk -v connection="$connection" -v ports="$(head -n "$1" "$work/ports" | tr '\n' ' ')" '
        /^ +- name: prod1$/ { inside = 1 }
        inside && /^    [a-z]/ {
            inside = 0
            n = split(ports, list, " ")
            for (i = 1; i <= n; i++) {
                host = block
                sub(/name: prod1/, "name: host" i, host)
                sub(/port: [0-9]+/, "port: " list[i] "\n        connection: " connection, host)
                printf "%s", host
            }
        }
        inside { block = block $0 "\n"; next }
        { print }' "$state/inventory.yaml" >"$state/bench-$1.yaml"
}
milliseconds() {
    local began
    began=$(date +%s%N)
    "$@" >/dev/null 2>"$work/said" || { cat "$work/said" >&2; return 1; }
    echo $((($(date +%s%N) - began) / 1000000))
}
median() { sort -n | awk '{a[NR] = $1} END {print a[int((NR + 1) / 2)]}'; }
inventory 1
inventory "$count"
for _ in $(seq "$rounds"); do
    milliseconds "$ocrctl" --inventory "$state/bench-1.yaml" deploy rehearsal >>"$work/one"
    milliseconds "$ocrctl" --inventory "$state/bench-$count.yaml" deploy rehearsal >>"$work/all"
done
inventory "$some"
link=$(head -1 "$work/ports")
ssh=(ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o IdentitiesOnly=yes
    -i "$state/id_ed25519" -p "$link" vagrant@127.0.0.1 true)
# What nobody can do without: as many connections at once, on the cores that all these hosts share.
at_once() { # COUNT
    head -n "$1" "$work/ports" | xargs -P "$1" -I PORT "${ssh[@]:0:${#ssh[@]}-3}" PORT vagrant@127.0.0.1 true
}
for _ in $(seq "$rounds"); do
    milliseconds at_once "$some" >>"$work/ssh10"
    milliseconds at_once "$count" >>"$work/ssh-all"
    milliseconds "${ssh[@]}" >>"$work/ssh"
    # 1: one of the hosts has something to say
    milliseconds sh -c '"$@" || [ $? = 1 ]' status "$ocrctl" --inventory "$state/bench-$some.yaml" status rehearsal >>"$work/status"
done
rm -f "$state/bench-1.yaml" "$state/bench-$some.yaml" "$state/bench-$count.yaml"
docker exec "$container" sh -c 'rm /etc/ssh/sshd_config.d/zz-bench.conf; systemctl reload ssh'
awk -v connection="$connection" -v count="$count" -v latency="$latency" -v one="$(median <"$work/one")" -v all="$(median <"$work/all")" 'BEGIN {
    printf "no-op deploy by %s, %d ms away: 1 host %d ms, %d hosts %d ms: %.2f x\n", connection, latency, one, count, all, all / one }'
awk -v count="$count" -v some="$some" -v ten="$(median <"$work/ssh10")" -v all="$(median <"$work/ssh-all")" 'BEGIN {
    printf "ssh HOST true alone, of %d hosts at once %d ms, of %d %d ms\n", some, ten, count, all }'
awk -v latency="$latency" -v some="$some" -v ssh="$(median <"$work/ssh")" -v status="$(median <"$work/status")" 'BEGIN {
    printf "status, %d ms away: ssh HOST true %d ms, %d hosts %d ms: %.2f x\n", latency, ssh, some, status, status / ssh }'
