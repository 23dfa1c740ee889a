#!/usr/bin/env bash
# Looks at what dist.sh has made: whole, installable, and of one version.
#
#   test.sh DIRECTORY
set -euo pipefail
cd "$1"
sha256sum --check --quiet SHA256SUMS
debs=(ocrctl_*.deb)
[[ ${#debs[@]} == 1 ]]
deb=${debs[0]}
version=$(dpkg-deb --field "$deb" Version)
[[ $(dpkg-deb --field "$deb" Installed-Size) -gt 1000 ]]
[[ $(dpkg-deb --field "$deb" Architecture) == $(dpkg --print-architecture) ]]
# All files are root's, and none can be written by others.
if dpkg-deb --contents "$deb" | awk '{ if ($2 != "root/root" || ($1 !~ /^l/ && substr($1, 6, 1) == "w") || substr($1, 9, 1) == "w") print }' | grep .; then
    echo "these have the wrong owner or mode" >&2
    exit 1
fi

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
dpkg-deb --extract "$deb" "$root"
dpkg-deb --control "$deb" "$root/DEBIAN"
(cd "$root" && md5sum --check --quiet DEBIAN/md5sums)
[[ $("$root/usr/bin/ocrctl" --version) == "ocrctl $version" ]]
share=$root/usr/share
for page in ocrctl ocrctl-deploy ocrctl-keys-add; do
    zcat "$share/man/man1/$page.1.gz" | grep -q '^\.TH'
done
bash -n "$share/bash-completion/completions/ocrctl"
jq -e --arg version "$version" '.bomFormat == "CycloneDX" and .metadata.component.version == $version
    and any(.components[]; .name == "clap")' "$share/doc/ocrctl/sbom.cdx.json" >/dev/null
zcat "$share/doc/ocrctl/changelog.gz" | grep -q '^# Changelog'
# It brings itself along, packed, as `crates/ocrctl-ssh/src/session/agent_file/payload.rs` reads it.
binary=$root/usr/bin/ocrctl
mark=$(tail --bytes=26 "$binary")
[[ $mark =~ ^ocrctl\.xz\ ([0-9a-f]{16})$ ]]
packed=$((16#${BASH_REMATCH[1]}))
tail --bytes=$((packed + 26)) "$binary" | head --bytes=-26 | xz --decompress --stdout |
    cmp - <(head --bytes=-$((packed + 26)) "$binary")
# Installed by dpkg itself, where that is allowed: into a system of its own, with nothing run.
if [[ $(id -u) == 0 ]]; then
    mkdir -p "$root/system/var/lib/dpkg"/{info,updates} && touch "$root/system/var/lib/dpkg"/{status,available}
    dpkg --root="$root/system" --force-depends --install "$deb" >/dev/null 2>&1
    [[ $("$root/system/usr/bin/ocrctl" --version) == "ocrctl $version" ]]
    dpkg --root="$root/system" --verify ocrctl
fi
echo "$deb installs and is ocrctl $version"
