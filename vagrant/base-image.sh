#!/usr/bin/env bash
# Makes the docker image of a rehearsal machine from Debian's packages: needs a mirror, but no image registry.
#
#   base-image.sh bookworm|trixie    ocrctl-rehearsal/host:RELEASE   systemd, sshd and sudo: a bare server
#   base-image.sh infra              ocrctl-rehearsal/infra          the same on trixie, with docker-registry and pebble
#
# Does nothing when an image made from the same inputs exists.
set -euo pipefail

usage() {
    echo "usage: $0 bookworm|trixie|infra" >&2
    exit 64
}

[[ $# == 1 ]] || usage
packages=systemd,systemd-sysv,dbus,openssh-server,sudo,iproute2,ca-certificates
case $1 in
bookworm | trixie)
    release=$1
    image=ocrctl-rehearsal/host:$1
    ;;
infra)
    # trixie, because its pebble (2.6) has renewal information and bookworm's (2.4) has none
    release=trixie
    image=ocrctl-rehearsal/infra:latest
    packages+=,docker-registry,apache2-utils,openssl,curl,pebble
    ;;
*) usage ;;
esac

here=$(cd "$(dirname "$0")" && pwd -P)
# The machines of a set ask for their images at the same time; one process makes each.
locks=${TMPDIR:-/tmp}/ocrctl-rehearsal-$(id -u)
(umask 077 && mkdir -p "$locks")
exec 9>"$locks/image-$1.lock"
flock 9

before=$(docker image inspect --format '{{.Id}}' "$image" 2>/dev/null || true)
inputs=$({
    echo "$image $packages $(dpkg --print-architecture)"
    cat "$here/base-image.sh" "$here/boot.sh"
} | sha256sum | cut -c-16)
made_from=$(docker image inspect --format '{{index .Config.Labels "ocrctl.rehearsal.inputs"}}' "$image" 2>/dev/null || true)
if [[ $made_from == "$inputs" ]]; then
    echo "$image is up to date"
    exit 0
fi

if ! command -v mmdebstrap >/dev/null; then
    echo "mmdebstrap is missing, so $image cannot be made" >&2
    echo "hint: vagrant/install-deps.sh rehearse" >&2
    exit 1
fi
as_root=()
[[ $(id -u) == 0 ]] || as_root=(sudo)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Inside, apt reaches the mirror the way this machine does: through its proxy, and as strict about dates.
proxy_http='' proxy_https='' check_date='' check_valid_until=''
eval "$(apt-config shell proxy_http Acquire::http::Proxy proxy_https Acquire::https::Proxy \
    check_date Acquire::Check-Date check_valid_until Acquire::Check-Valid-Until)"
apt_option() { # NAME VALUE
    [[ -z $2 || $2 == *//localhost* || $2 == *//127.* ]] || printf '%s "%s";\n' "$1" "$2"
}
{
    apt_option Acquire::http::Proxy "$proxy_http"
    apt_option Acquire::https::Proxy "$proxy_https"
    apt_option Acquire::Check-Date "$check_date"
    apt_option Acquire::Check-Valid-Until "$check_valid_until"
    echo 'Acquire::Languages "none";'
} >"$work/apt.conf"

cp "$here/boot.sh" "$work/boot.sh"
cat >"$work/sshd.conf" <<'EOF'
PermitRootLogin no
PasswordAuthentication no
KbdInteractiveAuthentication no
EOF

cat >"$work/customize" <<'EOF'
#!/bin/sh
set -eu
root=$1
here=$(dirname "$0")
install -m 644 "$here/sshd.conf" "$root/etc/ssh/sshd_config.d/10-rehearsal.conf"
install -m 755 "$here/boot.sh" "$root/usr/local/sbin/rehearsal-boot"
chroot "$root" useradd --create-home --shell /bin/bash --password '*' vagrant
echo 'vagrant ALL=(ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/vagrant"
chmod 440 "$root/etc/sudoers.d/vagrant"
chroot "$root" passwd --lock root >/dev/null
mkdir -p "$root/etc/default"
echo 'LANG=C.UTF-8' >"$root/etc/default/locale"
# Made on each machine's first start, see boot.sh
rm -f "$root"/etc/ssh/ssh_host_*
: >"$root/etc/machine-id"
# What made the build fast is no part of the host: packages installed on it later are complete
rm -f "$root"/etc/dpkg/dpkg.cfg.d/99mmdebstrap "$root"/usr/sbin/policy-rc.d
for unit in docker-registry pebble; do
    [ ! -e "$root/usr/lib/systemd/system/$unit.service" ] || chroot "$root" systemctl --quiet disable "$unit"
done
EOF
chmod 755 "$work/customize"
chmod 755 "$work"

echo "making $image (a minute, most of it download)"
"${as_root[@]}" mmdebstrap --quiet --variant=minbase --include="$packages" --aptopt="$work/apt.conf" \
    --dpkgopt=force-unsafe-io \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --customize-hook="$work/customize \"\$1\"" \
    "$release" "$work/root.tar"
docker import --change 'CMD ["/usr/local/sbin/rehearsal-boot"]' \
    --change "LABEL ocrctl.rehearsal.inputs=$inputs" "$work/root.tar" "$image" >/dev/null
# Still in use by a machine made from it? Then it goes with `machines.sh down --all`.
[[ -z $before ]] || docker image rm "$before" >/dev/null 2>&1 || true
echo "made $image"
