#!/usr/bin/env bash
# Sees to it that a Docker engine answers: leaves one that does alone; else starts it by systemd, or by hand where
# systemd does not run (a container, a minimal VM, WSL).
set -euo pipefail

log=/var/log/ocrctl-dockerd.log
export PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

fail() { # MESSAGE HINT
    printf 'error: %s\nhint: %s\n' "$1" "$2" >&2
    exit 1
}
as_root() {
    if [[ $(id -u) == 0 ]]; then "$@"; else sudo "$@"; fi
}
answers() { docker version --format '{{.Server.Version}}' 2>&1; }

command -v docker >/dev/null || fail "the docker command is not installed" "$(dirname "$0")/install-deps.sh rehearse"
if said=$(answers); then
    echo "Docker engine $said answers"
    exit 0
fi
[[ -z ${DOCKER_HOST:-} ]] || fail "no Docker engine answers at DOCKER_HOST=$DOCKER_HOST: $said" "start it there, or unset DOCKER_HOST"

refused() { # running, but not for this user or this client
    if [[ $said == *"permission denied"* ]]; then
        fail "a Docker engine runs, but $(id -un) may not use it" \
            "sudo usermod --append --groups docker $(id -un), then log in again"
    elif [[ $said == *"client version"* ]]; then
        fail "a Docker engine runs, but $(command -v docker) does not speak its version: $said" \
            "put the docker command of the engine's own package first in PATH"
    fi
}
refused
command -v dockerd >/dev/null || fail "no Docker engine is installed" "$(dirname "$0")/install-deps.sh rehearse"

wait_for_engine() { # SECONDS [PID]: PID is the engine; don't wait for the dead
    local deadline=$((SECONDS + $1))
    until said=$(answers); do
        refused
        ((SECONDS < deadline)) || return 1
        [[ -z ${2:-} ]] || grep -qs '^State:.[^XZ]' "/proc/$2/status" || return 1
        sleep 0.3
    done
    echo "Docker engine $said started"
}

if [[ -d /run/systemd/system ]]; then
    as_root systemctl start docker || fail "systemd could not start docker" "journalctl --unit docker"
    wait_for_engine 60 || fail "docker was started, but does not answer: $said" "journalctl --unit docker"
    exit 0
fi

# A machine that was switched off, or copied while running, leaves the process ids of its engine behind; another process
# may have them now, and the engine would wait for that one.
for file in /var/run/docker.pid:dockerd /var/run/docker/containerd/containerd.pid:containerd; do
    pid_file=${file%:*} name=${file#*:}
    pid=$(as_root cat "$pid_file" 2>/dev/null || true)
    if [[ -n $pid && $(cat "/proc/$pid/comm" 2>/dev/null) != "$name" ]]; then
        as_root rm --force "$pid_file"
    fi
done

# Without systemd there may be no cgroups yet; the engine needs them.
if ! grep -q ' cgroup2\{0,1\} ' /proc/self/mounts; then
    as_root mount -t cgroup2 cgroup2 /sys/fs/cgroup || fail "no cgroups are mounted" "mount -t cgroup2 cgroup2 /sys/fs/cgroup"
fi

as_root touch "$log"
# In a session of its own: it outlives this terminal. No file of the caller's (a lock, make's job server) stays open in it.
# shellcheck disable=SC2016  # for the inner shell to expand
start='
    ulimit -n "$(ulimit -H -n)"
    for fd in /proc/self/fd/*; do
        fd=${fd##*/}
        [[ $fd -le 2 ]] || eval "exec $fd>&-"
    done
    setsid dockerd >>"$1" 2>&1 </dev/null &
    echo $!
'
pid=$(as_root bash -c "$start" start "$log")
if ! wait_for_engine 60 "$pid"; then
    as_root tail -n 60 "$log" | grep -v module=grpc | tail -n 12 >&2
    fail "dockerd does not answer: $said" "the log above, whole in $log"
fi
