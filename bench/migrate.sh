#!/usr/bin/env bash
# What `ocrctl migrate-registry` moves, and in how much memory: an image of two platforms with 1 GB of layers, from one
# docker-registry to another (TLS, passwords), whole, half there already, and cut in the middle.
#
#   migrate.sh OCRCTL [MEGABYTES_A_LAYER]
#
# Bytes are counted twice: as ocrctl tells them, and on the loopback device of a network of its own, which every byte
# passes twice, from the one registry and to the other.
set -euo pipefail
if [[ -z ${OCRCTL_BENCH_NETWORK:-} ]]; then
    as_root=()
    [[ $(id -u) == 0 ]] || as_root=(sudo)
    exec "${as_root[@]}" env OCRCTL_BENCH_NETWORK=own unshare --net -- "$0" "$(realpath "$1")" "${@:2}"
fi
ip link set lo up
ocrctl=$1 size=${2:-128}
work=$(mktemp -d)
started=()
trap 'kill "${started[@]}" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"

# --- two registries
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=bench \
    -addext 'subjectAltName=IP:127.0.0.1' -addext 'basicConstraints=critical,CA:FALSE' -keyout key.pem -out ca.pem 2>/dev/null
registry() { # NAME PORT: its password is its name
    printf '%s-password' "$1" >"$1.password"
    htpasswd -niB -C 4 user <"$1.password" >"$1.htpasswd" 2>/dev/null
    printf 'user = "user:%s-password"\n' "$1" >"$1.curl"
    cat >"$1.yml" <<EOF
version: 0.1
log: { level: error, accesslog: { disabled: true } }
storage: { filesystem: { rootdirectory: $work/$1 } }
http: { addr: "127.0.0.1:$2", secret: bench, relativeurls: true, tls: { certificate: $work/ca.pem, key: $work/key.pem } }
auth: { htpasswd: { realm: bench, path: $work/$1.htpasswd } }
EOF
    docker-registry serve "$1.yml" >"$1.log" 2>&1 &
    started+=($!)
    for _ in {1..100}; do
        ! curl --silent --output /dev/null --cacert ca.pem "https://127.0.0.1:$2/v2/" || return 0
        sleep 0.1
    done
    cat "$1.log" >&2
    exit 1
}
registry old 5000
registry new 5001

# --- an image: LAYERS for each of two platforms
api() { curl --silent --show-error --fail --cacert ca.pem --config old.curl "$@"; }
blob() { # FILE: gives its descriptor's end
    local digest location
    digest=sha256:$(sha256sum <"$1" | cut -d ' ' -f 1)
    location=$(api --request POST --dump-header - --output /dev/null https://127.0.0.1:5000/v2/o/n/blobs/uploads/ |
        tr -d '\r' | sed -n 's/^[Ll]ocation: //p')
    api --request PUT --upload-file "$1" "https://127.0.0.1:5000$location&digest=$digest"
    printf '"digest":"%s","size":%s' "$digest" "$(stat -c %s "$1")"
}
manifest() { # REFERENCE TYPE FILE
    api --request PUT --header "Content-Type: $2" --data-binary @"$3" "https://127.0.0.1:5000/v2/o/n/manifests/$1" >/dev/null
}
oci=application/vnd.oci.image
image() { # TAG LAYER...: the first half of the layers is one platform's, the second the other's
    local tag=$1 half platform config layers file digest children=()
    shift
    half=$(($# / 2))
    for platform in amd64 arm64; do
        printf '{"os":"linux","architecture":"%s"}' "$platform" >config
        config=$(blob config)
        layers=()
        for file in "${@:1:half}"; do
            layers+=("{\"mediaType\":\"$oci.layer.v1.tar\",$(cat "$file.blob")}")
        done
        shift "$half"
        printf '{"schemaVersion":2,"mediaType":"%s.manifest.v1+json","config":{"mediaType":"%s.config.v1+json",%s},"layers":[%s]}' \
            "$oci" "$oci" "$config" "$(IFS=,; echo "${layers[*]}")" >manifest
        digest=sha256:$(sha256sum <manifest | cut -d ' ' -f 1)
        manifest "$digest" "$oci.manifest.v1+json" manifest
        children+=("{\"mediaType\":\"$oci.manifest.v1+json\",\"digest\":\"$digest\",\"size\":$(stat -c %s manifest),\"platform\":{\"os\":\"linux\",\"architecture\":\"$platform\"}}")
    done
    printf '{"schemaVersion":2,"mediaType":"%s.index.v1+json","manifests":[%s]}' "$oci" "$(IFS=,; echo "${children[*]}")" >index
    manifest "$tag" "$oci.index.v1+json" index
}
for n in 1 2 3 4 5 6 7 8; do
    head -c "${size}000000" /dev/urandom >layer
    blob layer >"layer$n.blob"
done
head -c 4000000 layer >small
blob small >small.blob
rm layer
image whole layer{1..8}
image half layer1 layer2 layer5 layer6
image small small small

cat >inventory.yaml <<EOF
environments:
  bench:
    names: [bench.test]
    hosts: [{address: 192.0.2.1}]
    image: 127.0.0.1:5000/o/n:small
    registry: {username: user, password: {file: old.password}, ca: ca.pem}
EOF

# --- what is measured
on_the_wire() { awk '/lo:/ { print $2 }' /proc/net/dev; }
migrate() { # REPOSITORY TAG
    exec "$ocrctl" --inventory inventory.yaml --yes migrate-registry bench --copy-only --state state --tag "$2" \
        --to "127.0.0.1:5001/$1" --to-username user --to-password "file:$work/new.password" --to-ca ca.pem
}
peak=0 told=0
run() { # REPOSITORY TAG [SIGNAL BYTES]: the signal is sent when so many bytes have passed
    local pid line
    local from
    from=$(on_the_wire)
    migrate "$1" "$2" >out 2>err &
    pid=$!
    peak=0
    while kill -0 "$pid" 2>/dev/null; do
        line=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$pid/status" 2>/dev/null || true)
        peak=${line:-$peak}
        if [[ -n ${3:-} ]] && (($(on_the_wire) - from > 2 * $4)); then
            kill -"$3" "$pid" 2>/dev/null || true
        fi
        sleep 0.02
    done
    if ! wait "$pid" && [[ -z ${3:-} ]]; then
        cat err >&2
        exit 1
    fi
    told=$(sed -n 's/.* \([0-9]*\) bytes sent.*/\1/p' err)
}
result() { # WHAT LACKING_BYTES WIRE_BYTES TOLD
    awk -v what="$1" -v lacking="$2" -v wire="$3" -v told="$4" -v peak="$peak" 'BEGIN {
        printf "%-44s lacking %7.1f MB, on the wire %.3f x", what, lacking / 1e6, wire / 2 / lacking
        if (told != "") printf ", sent %.3f x", told / lacking
        printf ", peak %.1f MB\n", peak / 1024 }'
}
layer=${size}000000 whole=$((8 * ${size}000000)) small=4000000

began=$(on_the_wire)
run a small
result "a small image" "$small" $(($(on_the_wire) - began)) "$told"

began=$(on_the_wire) began_at=$(date +%s%N)
run a whole
took=$((($(date +%s%N) - began_at) / 1000000))
result "two platforms, 8 layers" "$whole" $(($(on_the_wire) - began)) "$told"
echo "  in $((took / 1000)).$((took % 1000 / 100)) s: $((whole / 1000 / took)) MB/s"

began=$(on_the_wire)
run a whole
echo "again, with all there: $(($(on_the_wire) - began)) bytes on the wire"

run b half
began=$(on_the_wire)
run b whole
result "half of the layers are there" $((4 * layer)) $(($(on_the_wire) - began)) "$told"

# The image that the inventory names, the small one, is lacking there too.
for signal in TERM KILL; do
    began=$(on_the_wire)
    # bash would tell of the one that it sees killed
    run "cut-${signal,,}" whole "$signal" $((whole / 2)) 2>/dev/null
    first=$told
    run "cut-${signal,,}" whole
    both=''
    [[ -z $first ]] || both=$((first + told))
    result "cut by SIG$signal at a half, and run again" $((whole + small)) $(($(on_the_wire) - began)) "$both"
done
