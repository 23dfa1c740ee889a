#!/usr/bin/env bash
# The rehearsal machines, all of them at once. `ocrctl rehearse` and the Makefile go through this.
#
#   machines.sh up                     boots what is not running, provisions it, writes machines.json
#   machines.sh down [--all]           removes machines, network, volumes and state; --all: the images too
#   machines.sh status                 what is running, and where
#   machines.sh push IMAGE NAME:TAG    pushes a local image; prints its reference by digest, as prod1 will pull it
#   machines.sh vagrant ARGUMENT...    vagrant itself, on the same machines (ssh prod1, reload infra, ...)
#
# Environment: see settings.sh. Progress goes to stderr, results to stdout.
set -euo pipefail
# shellcheck source=settings.sh
. "$(dirname "$0")/settings.sh"

umask 077
PROVIDER=${VAGRANT_DEFAULT_PROVIDER:-docker}
MACHINES=(prod1 infra)
[[ $HOSTS == 1 ]] || MACHINES=(prod1 prod2 infra)
REGISTRY_USER=ocr-rehearsal
ORG_REGISTRY_USER=organization

say() { printf '%s\n' "$*" >&2; }
fail() { # MESSAGE [HINT]
    say "error: $1"
    [[ -z ${2:-} ]] || say "hint: $2"
    exit 1
}

need() {
    local missing=() command
    for command in "$@"; do
        command -v "$command" >/dev/null || missing+=("$command")
    done
    ((${#missing[@]} == 0)) || fail "not installed: ${missing[*]}" "$HERE/install-deps.sh rehearse"
}

need_docker() {
    [[ $PROVIDER == docker ]] || return 0
    need docker
    docker version >/dev/null 2>&1 || fail "no Docker engine answers" "$HERE/docker-engine.sh"
}

# Vagrant keeps nothing outside of the state directory for containers. VM boxes are large and worth sharing.
run_vagrant() {
    export VAGRANT_CWD=$HERE VAGRANT_CHECKPOINT_DISABLE=1 VAGRANT_DEFAULT_PROVIDER=$PROVIDER
    export VAGRANT_DOTFILE_PATH=${VAGRANT_DOTFILE_PATH:-$STATE/vagrant}
    [[ $PROVIDER != docker ]] || export VAGRANT_HOME=${VAGRANT_HOME:-$STATE/vagrant.d}
    export RELEASE OCRCTL_REHEARSAL_DIR=$STATE OCRCTL_REHEARSAL_PORT_BASE=$PORT_BASE OCRCTL_REHEARSAL_HOSTS=$HOSTS
    vagrant "$@"
}

on() { # MACHINE COMMAND...: by a way that needs no host key yet
    local machine=$1
    shift
    if [[ $PROVIDER == docker ]]; then
        docker exec "$NAME-$machine" "$@"
    else
        run_vagrant ssh "$machine" --no-tty -c "sudo $*" 2>/dev/null
    fi
}

host_keys() { # MACHINE: one "type key" a line
    on "$1" cat /etc/ssh/ssh_host_ed25519_key.pub /etc/ssh/ssh_host_ecdsa_key.pub /etc/ssh/ssh_host_rsa_key.pub |
        tr -d '\r' | cut -d ' ' -f 1,2
}

ssh_port() { # MACHINE
    case $1 in
    prod1) echo "$PROD1_SSH" ;;
    prod2) echo "$PROD2_SSH" ;;
    infra) echo "$INFRA_SSH" ;;
    esac
}

json_list() { jq --raw-input --null-input --compact-output '[inputs]'; }

collect() {
    local machine port key
    on infra cat /etc/ocrctl-rehearsal/ca.crt | tr -d '\r' >"$STATE/ca.crt.new"
    mv "$STATE/ca.crt.new" "$STATE/ca.crt"

    declare -A keys
    : >"$STATE/known_hosts.new"
    for machine in "${MACHINES[@]}"; do
        keys[$machine]=$(host_keys "$machine")
        port=$(ssh_port "$machine")
        while read -r key; do
            printf '[127.0.0.1]:%s %s\n' "$port" "$key" >>"$STATE/known_hosts.new"
        done <<<"${keys[$machine]}"
    done
    mv "$STATE/known_hosts.new" "$STATE/known_hosts"

    jq --null-input \
        --arg release "$RELEASE" --arg provider "$PROVIDER" --arg state "$STATE" \
        --argjson prod1_keys "$(json_list <<<"${keys[prod1]}")" \
        --argjson hosts "$HOSTS" --argjson prod2_keys "$(json_list <<<"${keys[prod2]:-}")" \
        --argjson ssh2 "$PROD2_SSH" --argjson http2 "$PROD2_HTTP" --argjson https2 "$PROD2_HTTPS" \
        --argjson infra_keys "$(json_list <<<"${keys[infra]}")" \
        --argjson ssh "$PROD1_SSH" --argjson http "$PROD1_HTTP" --argjson https "$PROD1_HTTPS" \
        --argjson infra_ssh "$INFRA_SSH" --argjson registry "$INFRA_REGISTRY" --argjson acme "$INFRA_ACME" \
        --argjson acme_management "$INFRA_ACME_MANAGEMENT" --argjson challtestsrv "$INFRA_CHALLTESTSRV" \
        --arg user "$REGISTRY_USER" --arg org_user "$ORG_REGISTRY_USER" --argjson org_registry "$INFRA_ORG_REGISTRY" --arg name "$NAME" '{
            release: $release, provider: $provider, address: "127.0.0.1", known_hosts: ($state + "/known_hosts"),
            prod1: { hostname: "prod1.rehearsal.test", ssh_port: $ssh, http_port: $http, https_port: $https,
                     host_keys: $prod1_keys, user: "vagrant", identity_file: ($state + "/id_ed25519") },
            prod2: (if $hosts == 1 then null else
                    { hostname: "prod2.rehearsal.test", ssh_port: $ssh2, http_port: $http2, https_port: $https2,
                      host_keys: $prod2_keys, user: "vagrant", identity_file: ($state + "/id_ed25519") } end),
            infra: { ssh_port: $infra_ssh, registry_port: $registry, org_registry_port: $org_registry, acme_port: $acme,
                     acme_management_port: $acme_management, challtestsrv_port: $challtestsrv,
                     host_keys: $infra_keys, user: "vagrant", identity_file: ($state + "/id_ed25519") },
            registry: { host: "registry.rehearsal.test:5000", user: $user,
                        password_file: ($state + "/registry-password"), ca_file: ($state + "/ca.crt") },
            org_registry: { host: "images.rehearsal.test:5001", user: $org_user,
                            password_file: ($state + "/org-registry-password"), ca_file: ($state + "/ca.crt") },
            containers: { prod1: ($name + "-prod1"), prod2: ($name + "-prod2"), infra: ($name + "-infra") },
            acme: { directory: "https://acme.rehearsal.test:14000/dir", ca_file: ($state + "/ca.crt") }
        }' >"$STATE/machines.json.new"
    mv "$STATE/machines.json.new" "$STATE/machines.json"
}

ssh_to() { # PORT COMMAND...
    local port=$1
    shift
    ssh -F none -o BatchMode=yes -o ConnectTimeout=5 -o StrictHostKeyChecking=yes \
        -o UserKnownHostsFile="$STATE/known_hosts" -o IdentitiesOnly=yes -i "$STATE/id_ed25519" \
        -p "$port" vagrant@127.0.0.1 "$@"
}

# Machines of this set that vagrant does not know: an interrupted run, or a removed .vagrant.
own_containers() { docker ps --all --quiet --filter "label=$LABEL"; }

remove_strays() {
    local containers id
    containers=$(own_containers)
    for id in $containers; do
        if ! grep -qsr "$id" "${VAGRANT_DOTFILE_PATH:-$STATE/vagrant}"/machines/*/docker/id 2>/dev/null; then
            say "removing $(docker inspect --format '{{.Name}}' "$id"), left by an interrupted run"
            docker rm --force --volumes "$id" >/dev/null
        fi
    done
}

inputs() { { echo "$HOSTS"; cat "$HERE/Vagrantfile" "$HERE"/*.sh; } | sha256sum; }

# Nothing to boot, nothing to provision differently? Then there is no need to wait for vagrant.
is_up() {
    [[ $PROVIDER == docker && $(cat "$STATE/up" 2>/dev/null) == "$(inputs)" ]] || return 1
    local machine
    for machine in "${MACHINES[@]}"; do
        [[ $(docker inspect --format '{{.State.Running}}' "$NAME-$machine" 2>/dev/null) == true ]] || return 1
    done
}

up() {
    local machine
    need vagrant ssh ssh-keygen jq
    need_docker
    if [[ $PROVIDER == docker ]]; then
        local owner
        for machine in "${MACHINES[@]}"; do
            owner=$(docker inspect --format '{{index .Config.Labels "ocrctl.rehearsal.state"}}' "$NAME-$machine" 2>/dev/null || true)
            [[ -z $owner || $owner == "$STATE" ]] || fail "$NAME-$machine belongs to $owner" \
                "give this set ports of its own: OCRCTL_REHEARSAL_PORT_BASE=$((PORT_BASE + 1000))"
        done
        remove_strays
    fi

    if ! is_up; then
        rm -f "$STATE/up"
        # A killed vagrant leaves its claims on ports behind, and would respect them for a minute.
        rm -rf "$STATE/vagrant.d/data/fp-leases"
        run_vagrant up --provision >&2 || fail "vagrant could not bring the machines up" \
            "what it said stands above; '$0 down' starts afresh"
        collect
    fi

    local port deadline=$((SECONDS + 120))
    for machine in "${MACHINES[@]}"; do
        port=$(ssh_port "$machine")
        until ssh_to "$port" true 2>/dev/null; do
            ((SECONDS < deadline)) || {
                ssh_to "$port" true || true
                fail "no SSH on 127.0.0.1:$port" "$0 status"
            }
            sleep 0.5
        done
    done
    on infra rehearsal-await >&2 || fail "not all of infra's services answer" "what they said stands above"
    inputs >"$STATE/up"
    say "up: $STATE/machines.json"
}

down() {
    local images=''
    case ${1:-} in
    '') ;;
    --all) images=yes ;;
    *) usage ;;
    esac
    if [[ $PROVIDER != docker && -d ${VAGRANT_DOTFILE_PATH:-$STATE/vagrant} ]]; then
        need vagrant
        run_vagrant destroy --force >&2 || fail "vagrant could not remove the machines" "what it said stands above"
    fi
    if docker version >/dev/null 2>&1; then
        # By label and not by `vagrant destroy`: finds what an interrupted run left too, and does not shut down
        # politely what is thrown away.
        local id
        for id in $(own_containers); do
            docker rm --force --volumes "$id" >/dev/null
        done
        for id in $(docker network ls --quiet --filter "label=$LABEL"); do
            docker network rm "$id" >/dev/null
        done
        if [[ -n $images ]]; then
            for id in $(docker image ls --quiet --filter label=ocrctl.rehearsal.inputs | sort -u); do
                docker image rm --force "$id" >/dev/null || say "the image is still in use by machines of another set"
            done
        fi
    elif [[ -f $STATE/settings && $PROVIDER == docker ]]; then
        fail "no Docker engine answers, so containers may be left" "$HERE/docker-engine.sh, then again"
    fi
    local file
    for file in settings lock id_ed25519 id_ed25519.pub boot.env registry-password org-registry-password ca.crt known_hosts machines.json up; do
        rm -f "$STATE/$file" "$STATE/$file.new"
    done
    rm -rf "$STATE/vagrant" "$STATE/vagrant.d"
    [[ $STATE != "$ROOT/.rehearsal" ]] || rm -rf "$HERE/.vagrant" # of `vagrant up` by hand
    # What others keep there stays
    rmdir "$STATE" 2>/dev/null || true
}

status() {
    need_docker
    if [[ ! -f $STATE/settings ]]; then
        echo "no machines in $STATE"
        return
    fi
    echo "RELEASE=$RELEASE, state in $STATE"
    if [[ $PROVIDER == docker ]]; then
        docker ps --all --filter "label=$LABEL" --format 'table {{.Names}}\t{{.Status}}\t{{.Image}}'
    else
        run_vagrant status
    fi
    cat <<EOF
on 127.0.0.1   prod1: ssh $PROD1_SSH, http $PROD1_HTTP, https $PROD1_HTTPS
               prod2, where there is one: ssh $PROD2_SSH, http $PROD2_HTTP, https $PROD2_HTTPS
               infra: ssh $INFRA_SSH, registries $INFRA_REGISTRY and $INFRA_ORG_REGISTRY, acme $INFRA_ACME, acme management $INFRA_ACME_MANAGEMENT, challtestsrv $INFRA_CHALLTESTSRV
EOF
    local machine port
    for machine in "${MACHINES[@]}"; do
        port=$(ssh_port "$machine")
        if ssh_to "$port" true 2>/dev/null; then echo "ssh $port: answers"; else echo "ssh $port: does not answer"; fi
    done
}

push() {
    [[ $# == 2 && $2 == *:* ]] || usage
    need docker jq
    need_docker
    [[ -f $STATE/machines.json ]] || fail "no machines in $STATE" "$0 up"
    docker image inspect "$1" >/dev/null 2>&1 || fail "no local image '$1'" "docker image ls"

    # 127.0.0.0/8 needs no trust in the engine's configuration: Docker takes any CA there
    local registry=127.0.0.1:$INFRA_REGISTRY config digest
    local reference=$registry/$2
    config=$(mktemp -d)
    # shellcheck disable=SC2064  # now: these are locals
    trap "rm -rf '$config'; docker image rm '$reference' >/dev/null 2>&1 || true" EXIT
    docker --config "$config" login --username "$REGISTRY_USER" --password-stdin "$registry" \
        <"$STATE/registry-password" >/dev/null 2>"$config/log" ||
        { cat "$config/log" >&2; fail "the registry at $registry refused the login" "$0 up"; }
    docker image tag "$1" "$reference"
    docker --config "$config" push "$reference" >&2 || fail "pushing to $registry failed"
    digest=$(docker image inspect "$reference" | jq --raw-output --arg repository "${reference%:*}@" \
        '.[0].RepoDigests[] | select(startswith($repository)) | ltrimstr($repository)')
    echo "registry.rehearsal.test:5000/${2%:*}@$digest"
}

usage() {
    sed -n '2,/^set/{s/^# \{0,1\}//p}' "$0" >&2
    exit 64
}

[[ $# -gt 0 ]] || usage
command=$1
shift
case $command in
up | status)
    [[ $# == 0 ]] || usage
    "$command"
    ;;
down | push) "$command" "$@" ;;
vagrant)
    need vagrant
    run_vagrant "$@"
    ;;
*) usage ;;
esac
