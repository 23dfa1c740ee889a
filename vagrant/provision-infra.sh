#!/usr/bin/env bash
# Turns `infra` into what a host needs from outside: two image registries (TLS, a password each) and an ACME server with
# the DNS it asks. Runs on the machine as root, any number of times; changes and restarts only what differs.
#
#   provision-infra.sh PASSWORD_FILE ORG_PASSWORD_FILE    the registries' passwords; the files are removed once read
set -euo pipefail

password_file=$1
org_password_file=$2
registry_user=ocr-rehearsal
org_registry_user=organization
dir=/etc/ocrctl-rehearsal

missing=()
for package in docker-registry pebble apache2-utils openssl curl; do
    dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
done
if ((${#missing[@]})); then # a VM; the container's image has them
    export DEBIAN_FRONTEND=noninteractive
    apt-get -o DPkg::Lock::Timeout=300 update
    apt-get -o DPkg::Lock::Timeout=300 install --yes --no-install-recommends "${missing[@]}"
fi

mkdir -p "$dir"
changed=' ' # the services to restart
write() { # FILE MODE OWNER SERVICE: replaces FILE by stdin, if it differs
    local new=$1.new
    install -m "$2" -o "${3%:*}" -g "${3#*:}" /dev/null "$new"
    cat >"$new"
    if cmp -s "$new" "$1"; then
        rm "$new"
    else
        mv "$new" "$1"
        changed+="$4 "
    fi
}

# --- the CA and one certificate for both servers
if ! openssl x509 -in "$dir/ca.crt" -noout -checkend 2592000 >/dev/null 2>&1; then
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 \
        -subj '/CN=ocrctl rehearsal CA' -addext 'basicConstraints=critical,CA:TRUE,pathlen:0' \
        -addext 'keyUsage=critical,keyCertSign,cRLSign' -keyout "$dir/ca.key" -out "$dir/ca.crt" 2>/dev/null
    rm -f "$dir/server.crt"
fi
if ! openssl x509 -in "$dir/server.crt" -noout -checkend 604800 >/dev/null 2>&1; then
    cat >"$dir/server.ext" <<'EOF'
subjectAltName=DNS:registry.rehearsal.test,DNS:images.rehearsal.test,DNS:acme.rehearsal.test,DNS:localhost,IP:127.0.0.1,IP:::1
basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=serverAuth
EOF
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
        -subj '/CN=registry.rehearsal.test' -keyout "$dir/server.key" -out "$dir/server.csr" 2>/dev/null
    openssl x509 -req -in "$dir/server.csr" -CA "$dir/ca.crt" -CAkey "$dir/ca.key" -CAcreateserial -days 397 \
        -extfile "$dir/server.ext" -out "$dir/server.crt" 2>/dev/null
    rm "$dir/server.csr" "$dir/server.ext"
    changed+='docker-registry docker-registry-org pebble '
fi
chmod 600 "$dir/ca.key"
chgrp docker-registry "$dir/server.key"
chmod 640 "$dir/server.key"

# --- the registries: the one that images come from, and the organization's, to which they move
registry() { # SERVICE PORT HOST STORAGE USER PASSWORD_FILE
    local service=$1 port=$2 host=$3 storage=$4 user=$5 password_file=$6
    local htpasswd_file=/etc/docker/registry/$service.htpasswd
    mkdir -p /etc/docker/registry
    if ! htpasswd -vi "$htpasswd_file" "$user" <"$password_file" >/dev/null 2>&1; then
        install -m 640 -g docker-registry /dev/null "$htpasswd_file"
        htpasswd -iB -C 8 "$htpasswd_file" "$user" <"$password_file" 2>/dev/null
        changed+="$service "
    fi
    rm -f "$password_file"
    install -d -m 750 -o docker-registry -g docker-registry "$storage"
    # config.yml is where the package's unit looks
    local config=/etc/docker/registry/$service.yml
    [[ $service != docker-registry ]] || config=/etc/docker/registry/config.yml
    write "$config" 644 root:root "$service" <<EOF
version: 0.1
log: { level: info }
storage:
  cache: { blobdescriptor: inmemory }
  filesystem: { rootdirectory: $storage }
  delete: { enabled: true }
http:
  addr: :$port
  relativeurls: true
  tls: { certificate: $dir/server.crt, key: $dir/server.key }
  headers: { X-Content-Type-Options: [nosniff] }
auth:
  htpasswd: { realm: $host, path: $htpasswd_file }
health:
  storagedriver: { enabled: true, interval: 10s, threshold: 3 }
EOF
}
registry docker-registry 5000 registry.rehearsal.test /var/lib/docker-registry "$registry_user" "$password_file"
registry docker-registry-org 5001 images.rehearsal.test /var/lib/docker-registry-org "$org_registry_user" "$org_password_file"
write /etc/systemd/system/docker-registry-org.service 644 root:root docker-registry-org <<'EOF'
[Unit]
Description=The organization's image registry
After=network-online.target

[Service]
User=docker-registry
ExecStart=/usr/bin/docker-registry serve /etc/docker/registry/docker-registry-org.yml
Restart=always
RestartSec=1

[Install]
WantedBy=multi-user.target
EOF

# --- the ACME server, and the DNS server it asks: every name is prod1, until a test says otherwise at :8055; hosts may
# ask it too, on port 53
write "$dir/pebble.json" 644 root:root pebble <<EOF
{
  "pebble": {
    "listenAddress": "0.0.0.0:14000",
    "managementListenAddress": "0.0.0.0:15000",
    "certificate": "$dir/server.crt",
    "privateKey": "$dir/server.key",
    "httpPort": 80,
    "tlsPort": 443,
    "ocspResponderURL": "",
    "externalAccountBindingRequired": false,
    "certificateValidityPeriod": 7776000
  }
}
EOF
write /etc/systemd/system/pebble.service 644 root:root pebble <<EOF
[Unit]
Description=Pebble, an ACME server for tests
After=network-online.target pebble-challtestsrv.service

[Service]
# validate at once; by default it waits up to 15 s
Environment=PEBBLE_VA_NOSLEEP=1
ExecStart=/usr/bin/pebble -config $dir/pebble.json -dnsserver 127.0.0.1:8053
DynamicUser=yes
SupplementaryGroups=docker-registry
Restart=always
RestartSec=1

[Install]
WantedBy=multi-user.target
EOF
write /etc/systemd/system/pebble-challtestsrv.service 644 root:root pebble-challtestsrv <<'EOF'
[Unit]
Description=Mock DNS server for Pebble
After=network-online.target
StartLimitIntervalSec=0

[Service]
# The address is looked up at each start: a network may hand out others after a restart.
ExecStart=/bin/sh -c 'address=$$(getent ahostsv4 prod1.rehearsal.test | head -n 1 | cut -d " " -f 1); \
    [ -n "$$address" ] || { echo "prod1.rehearsal.test has no address yet" >&2; exit 1; }; \
    exec /usr/bin/pebble-challtestsrv -defaultIPv4 "$$address" -defaultIPv6 "" -dns01 127.0.0.1:8053,:53 -management :8055 \
    -http01 "" -https01 "" -tlsalpn01 "" -doh ""'
DynamicUser=yes
AmbientCapabilities=CAP_NET_BIND_SERVICE
Restart=always
RestartSec=1

[Install]
WantedBy=multi-user.target
EOF

write /usr/local/sbin/rehearsal-await 755 root:root '' <<'EOF'
#!/bin/bash
# Waits until services that were started answer, two minutes at most.
#
#   rehearsal-await [SERVICE...]    without arguments: all of them
set -euo pipefail
declare -A urls=(
    [docker-registry]=https://localhost:5000/v2/
    [docker-registry-org]=https://localhost:5001/v2/
    [pebble]='https://localhost:14000/dir https://localhost:15000/roots/0'
    [pebble-challtestsrv]=http://localhost:8055/
)
[[ $# -gt 0 ]] || set -- "${!urls[@]}"
answers() { curl --silent --show-error --output /dev/null --max-time 5 --cacert /etc/ocrctl-rehearsal/ca.crt "$1"; }
for service; do
    for url in ${urls[$service]}; do
        until answers "$url" 2>/dev/null; do
            if ((SECONDS > 120)); then
                echo "$service does not answer at $url:" >&2
                answers "$url" || systemctl --no-pager --lines 20 status "$service" >&2 || true
                exit 1
            fi
            sleep 0.2
        done
    done
done
EOF

services=(docker-registry docker-registry-org pebble-challtestsrv pebble)
systemctl daemon-reload
systemctl --quiet enable "${services[@]}"
for service in "${services[@]}"; do
    if [[ $changed == *" $service "* ]]; then
        systemctl restart "$service"
    else
        systemctl start "$service"
    fi
done

# Not the DNS server: it waits for prod1, which may still be on its way.
rehearsal-await docker-registry docker-registry-org pebble
echo "the registries and the ACME server answer"
