#!/usr/bin/env bash
# Makes what a machine needs before it can be created: the user's key, the registries' passwords, and for the docker
# provider the image and the network. Run by the Vagrantfile before `vagrant up`, for several machines at once.
#
#   prepare.sh prod1|prod2|infra    for the docker provider
#   prepare.sh vm             for the others
set -euo pipefail
# shellcheck source=settings.sh
. "$(dirname "$0")/settings.sh"

umask 077
mkdir -p "$STATE"
exec 9>"$STATE/lock"
flock 9

# In one step: the other machine's preparation may be reading them.
printf 'RELEASE=%s\nPORT_BASE=%s\nHOSTS=%s\n' "$RELEASE" "$PORT_BASE" "$HOSTS" >"$STATE/settings.new"
mv "$STATE/settings.new" "$STATE/settings"
[[ -f $STATE/id_ed25519 ]] || ssh-keygen -q -t ed25519 -N '' -C "$NAME" -f "$STATE/id_ed25519"
for password in registry-password org-registry-password; do
    [[ -f $STATE/$password ]] || od -An -N24 -tx1 /dev/urandom | tr -d ' \n' >"$STATE/$password"
done
echo "REHEARSAL_AUTHORIZED_KEY=$(<"$STATE/id_ed25519.pub")" >"$STATE/boot.env"

[[ $1 != vm ]] || exit 0

if ! docker network inspect "$NAME" >/dev/null 2>&1; then
    # An IPv6 network needs a prefix of our own choice (RFC 4193); the port makes it unique on this machine.
    ipv6=()
    [[ -z $(cat /proc/net/if_inet6 2>/dev/null) ]] || ipv6=(--ipv6 --subnet "$(printf 'fd6f:6372:6374:%x::/64' "$PORT_BASE")")
    docker network create --label "$LABEL" "${ipv6[@]}" "$NAME" >/dev/null
fi
flock --unlock 9

case $1 in
prod1 | prod2) "$HERE/base-image.sh" "$RELEASE" ;;
infra) "$HERE/base-image.sh" infra ;;
esac
