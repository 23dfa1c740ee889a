#!/usr/bin/env bash
# What a deploy costs that has nothing to do, beside `ssh HOST true` and a comparable Ansible playbook, in one run
# against the rehearsal's host. `ocrctl rehearse --keep` leaves that host ready; `make bench` calls this.
#
#   no-op.sh OCRCTL STATE [ROUNDS]    STATE: the rehearsal's directory, such as .rehearsal/trixie
set -euo pipefail
ocrctl=$(realpath "$1") state=$(realpath "$2") rounds=${3:-10}
cd "$(dirname "$0")"
machines=$state/machines.json
port=$(jq -r .prod1.ssh_port "$machines")
ssh=(-F none -o BatchMode=yes -o StrictHostKeyChecking=yes -o UserKnownHostsFile="$state/known_hosts"
    -o IdentitiesOnly=yes -i "$state/id_ed25519")

# A step that fails ends the run, with what it printed, rather than looking fast.
milliseconds() {
    local began
    began=$(date +%s%N)
    "$@" >"$state/bench.log" 2>&1 || { cat "$state/bench.log" >&2; return 1; }
    echo $((($(date +%s%N) - began) / 1000000))
}
median() { sort -n | awk '{a[NR] = $1} END {print a[int((NR + 1) / 2)]}'; }

venv=$state/ansible
[[ -x $venv/bin/ansible-playbook ]] || { python3 -m venv "$venv" && "$venv/bin/pip" install --quiet 'ansible-core<2.18'; }
export ANSIBLE_PIPELINING=True ANSIBLE_SSH_ARGS="${ssh[*]} -o ControlMaster=auto -o ControlPersist=60s" ANSIBLE_NOCOWS=1
ansible=("$venv/bin/ansible-playbook" -i "127.0.0.1:$port," -e ansible_port="$port" -e ansible_host=127.0.0.1 -e ansible_user=vagrant playbook.yml)

# The same host by the other way of reaching it.
sed 's/^        address: .*/&\n        connection: russh/' "$state/inventory.yaml" >"$state/bench-russh.yaml"
for _ in $(seq "$rounds"); do
    milliseconds ssh "${ssh[@]}" -p "$port" vagrant@127.0.0.1 true >>"$state/bench.ssh"
    milliseconds "$ocrctl" --inventory "$state/inventory.yaml" deploy rehearsal >>"$state/bench.ocrctl"
    milliseconds "$ocrctl" --inventory "$state/bench-russh.yaml" deploy rehearsal >>"$state/bench.russh"
done
# The host has python3 only for this.
milliseconds ssh "${ssh[@]}" -p "$port" vagrant@127.0.0.1 'command -v python3 || sudo apt-get install -qq -y --no-install-recommends python3 python3-apt' >/dev/null
milliseconds "${ansible[@]}" >/dev/null # the first run may change something
for _ in $(seq "$((rounds < 3 ? rounds : 3))"); do
    milliseconds "${ansible[@]}" >>"$state/bench.ansible"
done
one=$(median <"$state/bench.ssh") own=$(median <"$state/bench.ocrctl") russh=$(median <"$state/bench.russh") other=$(median <"$state/bench.ansible")
rm -f "$state"/bench.{ssh,ocrctl,russh,ansible,log} "$state/bench-russh.yaml"
awk -v a="$one" -v b="$own" -v r="$russh" -v c="$other" 'BEGIN {
    printf "ssh HOST true                  %5d ms\n", a
    printf "no-op ocrctl deploy            %5d ms   %.2f x ssh\n", b, b / a
    printf "the same, connection: russh    %5d ms   %.2f x ssh\n", r, r / a
    printf "no-op Ansible                  %5d ms   %.0f x ocrctl, %.0f x by russh\n", c, c / b, c / r }'
# The kernel's own times, where this machine has perf and the host is a container here.
if command -v perf >/dev/null; then
    python3 host-side.py "$ocrctl" "$state/inventory.yaml" "$rounds"
fi
