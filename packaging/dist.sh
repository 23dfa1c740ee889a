#!/usr/bin/env bash
# What is released of ocrctl, into a directory: the static executable, a .deb with man pages and completions, the crates that it is
# made of, and the checksums of all that.
#
#   dist.sh EXECUTABLE DIRECTORY
set -euo pipefail
[[ $# == 2 ]] || {
    sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$0" >&2
    exit 64
}
executable=$(realpath "$1")
cd "$(dirname "$0")/.."
mkdir -p "$2"
out=$(realpath "$2")
version=$("$executable" --version | cut -d' ' -f2)
architecture=$(dpkg --print-architecture)
# The same for the same commit.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}
export SOURCE_DATE_EPOCH

# The agent runs on hosts with any libc or none.
if readelf --program-headers "$executable" | grep -q INTERP; then
    echo "$executable is not static; build it with \`make build\`" >&2
    exit 1
fi

root=$(mktemp -d)
trap 'rm -rf "$root" "${released:-}"' EXIT
chmod 755 "$root"
# The executable sends itself to hosts, and packing it well takes longer than a host should wait: it brings that along
# (crates/ocrctl-ssh/src/session/agent_file/payload.rs).
released=$(mktemp)
filters=(--lzma2=preset=9e)
# xz 5.2, as of Ubuntu 22.04, has no filter for the code of ARM64.
[[ $architecture != amd64 ]] || filters=(--x86 "${filters[@]}")
xz --format=xz "${filters[@]}" --stdout "$executable" >"$released"
length=$(stat --format=%s "$released")
cat "$executable" "$released" <(printf 'ocrctl.xz %016x' "$length") >"$root/released"
mv "$root/released" "$released"
chmod 755 "$released"
echo "the agent is $length bytes on the wire"
executable=$released
share=$root/usr/share
doc=$share/doc/ocrctl
install -D --mode=755 "$executable" "$root/usr/bin/ocrctl"
"$executable" man --out "$share/man/man1"
find "$share/man" -name '*.1' -exec gzip --no-name --best {} +
install -d "$share/bash-completion/completions" "$share/zsh/vendor-completions" "$share/fish/vendor_completions.d"
"$executable" completions bash >"$share/bash-completion/completions/ocrctl"
"$executable" completions zsh >"$share/zsh/vendor-completions/_ocrctl"
"$executable" completions fish >"$share/fish/vendor_completions.d/ocrctl.fish"
install -D --mode=644 packaging/copyright "$doc/copyright"
install -D --mode=644 inventory.example.yaml "$doc/examples/inventory.example.yaml"
install -D --mode=644 docs/examples/deploy.yml "$doc/examples/deploy.yml"
"$executable" schema >"$doc/inventory.schema.json"
# The one line of the example that leads elsewhere in the clone.
sed -i 's|=docs/reference/|=/usr/share/doc/ocrctl/|' "$doc/examples/inventory.example.yaml"
"$executable" sbom Cargo.lock >"$doc/sbom.cdx.json"
gzip --no-name --best --stdout CHANGELOG.md >"$doc/changelog.gz"
install -d "$root/DEBIAN"
size=$(du --summarize --apparent-size --block-size=1K "$root/usr" | cut -f1)
sed -e "s/@VERSION@/$version/" -e "s/@ARCHITECTURE@/$architecture/" \
    -e "s/@SIZE@/$size/" \
    packaging/control >"$root/DEBIAN/control"
(cd "$root" && find usr -type f -print0 | sort --zero-terminated | xargs --null md5sum >DEBIAN/md5sums)
find "$root" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +

deb=ocrctl_${version}_$architecture.deb
dpkg-deb --root-owner-group -Zxz --build "$root" "$out/$deb" >/dev/null
install --mode=755 "$executable" "$out/ocrctl-$version-$architecture"
install --mode=644 "$doc/sbom.cdx.json" "$out/ocrctl-$version.sbom.cdx.json"
(cd "$out" && sha256sum "$deb" "ocrctl-$version-$architecture" "ocrctl-$version.sbom.cdx.json" >SHA256SUMS)
cat "$out/SHA256SUMS"
