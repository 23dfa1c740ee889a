#!/bin/sh
# First process of a rehearsal machine that is a container: does what firmware and cloud-init do for a server,
# then becomes systemd. Part of the images that base-image.sh makes; runs again at each start of the container.
set -eu

# Docker hands out the container's own cgroups (--cgroupns=private) read-only; systemd and a Docker engine inside
# have to write them. Works for cgroup v1, hybrid and v2: the mounts are taken as they come.
while read -r _ _ _ _ mount _; do
    case $mount in
    /sys/fs/cgroup | /sys/fs/cgroup/*) mount -o remount,bind,rw "$mount" ;;
    esac
done </proc/self/mountinfo

# Host keys of its own: none are in the image. They stay over restarts.
ssh-keygen -A >/dev/null

# A public key, so an environment variable is a fine way in.
if [ -n "${REHEARSAL_AUTHORIZED_KEY:-}" ]; then
    home=/home/vagrant/.ssh
    mkdir -p "$home"
    printf '%s\n' "$REHEARSAL_AUTHORIZED_KEY" >"$home/authorized_keys"
    chmod 700 "$home"
    chmod 600 "$home/authorized_keys"
    chown -R vagrant:vagrant "$home"
fi

exec env -i container=docker PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin /sbin/init
