#!/usr/bin/env bash
# Builds Tesseract's library once more from the distribution's own source package, for CPUs of x86-64-v3 (2013 and newer) and
# without OpenMP, and puts it into a directory where the loader prefers it on such a CPU:
#
#   build-engine.sh INTO      makes INTO/glibc-hwcaps/x86-64-v3/libtesseract.so.5 and INTO/libtesseract-copyright
#
# The source is that of the installed library's version; apt verifies it. ocr-service looks beside itself and in
# /usr/lib/ocr; the distribution's library stays in place for older CPUs and for everybody else. Needs what
# `vagrant/install-deps.sh build engine` installs, and 2 to 4 minutes.
set -euo pipefail

level=x86-64-v3
# -fno-trapping-math and -fno-math-errno change no result: they let the compiler turn branches on floats into vectors.
# Hidden symbols and no interposition let it inline across files, which a shared library otherwise forbids.
optimize=(-O3 "-march=$level" -flto=auto -fno-math-errno -fno-trapping-math -fno-semantic-interposition)
# As the distribution hardens its own.
harden=(-fstack-protector-strong -fstack-clash-protection)
harden_link='-Wl,-z,relro -Wl,-z,now -Wl,-z,defs'

fail() { # WHAT, HINT
    echo "build-engine.sh: $1" >&2
    [[ -z ${2:-} ]] || echo "hint: $2" >&2
    exit 1
}

usage() {
    sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" >&2
    exit 64
}

main() {
    [[ $# == 1 ]] || usage
    mkdir -p "$1"
    into=$(cd "$1" && pwd)
    [[ $(uname -m) == x86_64 ]] || fail "$level is of x86_64, and this is $(uname -m); the distribution's library serves here"
    local package
    package=$(dpkg-query --show --showformat='${db:Status-Status} ${Package}\n' 'libtesseract[0-9]*' 2>/dev/null |
        sed -n 's/^installed //p' | head -n 1)
    [[ -n $package ]] || fail "the distribution's Tesseract is not installed" "apt-get install libtesseract-dev"
    # shellcheck disable=SC2016  # for dpkg-query to expand
    version=$(dpkg-query --show --showformat='${source:Version}' "$package")
    distributed=$(dpkg-query --listfiles "$package" | grep -m 1 -E '/libtesseract\.so\.[0-9]+$') ||
        fail "$package has no libtesseract.so"
    soname=${distributed##*/}
    library=$into/glibc-hwcaps/$level/$soname
    stamp=$into/.libtesseract.stamp
    wanted="$version $(sha256sum <"${BASH_SOURCE[0]}")"
    if [[ -f $library && -f $stamp && $(<"$stamp") == "$wanted" ]]; then
        return
    fi
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    fetch
    compile
    check
    place
    echo "build-engine.sh: $library, Tesseract $version" >&2
}

# Into $work/tesseract. The machine's own package sources stay as they are: copies of them, as sources of source packages,
# serve for this one call.
fetch() {
    local apt file
    mkdir -p "$work/sources" "$work/lists/partial" "$work/cache"
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
        [[ -f $file ]] || continue
        case $file in
        *.list) sed -n -E 's/^[[:space:]]*deb[[:space:]]/deb-src /p' "$file" >"$work/sources/${file##*/}.list" ;;
        *.sources) sed -E 's/^(Types:).*/\1 deb-src/' "$file" >"$work/sources/${file##*/}" ;;
        esac
    done
    apt=(apt-get --quiet=2 --option Dir::Etc::SourceList=/dev/null --option "Dir::Etc::SourceParts=$work/sources"
        --option "Dir::State::Lists=$work/lists" --option "Dir::Cache=$work/cache"
        --option Acquire::Languages=none --option Acquire::Retries=3 --option APT::Sandbox::User=)
    # Others' repositories have no sources, or can't be reached; if it is the distribution's, the next step tells.
    "${apt[@]}" update >/dev/null 2>"$work/update" || true
    (cd "$work" && "${apt[@]}" source --download-only "tesseract=$version") >/dev/null 2>"$work/source" || {
        cat "$work/update" "$work/source" >&2
        fail "no package source has the source of Tesseract $version" \
            "if that is not the newest version any more: apt-get install --only-upgrade libtesseract-dev"
    }
    # The hash of each file was verified by apt; the signature of the .dsc is of a maintainer whose key need not be here.
    dpkg-source --no-check --extract "$work"/tesseract_*.dsc "$work/tesseract" >/dev/null 2>&1
}

compile() {
    local tessdata
    cd "$work/tesseract"
    # Where the distribution has its language data.
    tessdata=$(sed -n 's/.*-DTESSDATA_PREFIX=[^/]*\(\/[A-Za-z0-9._/-]*\).*/\1/p' debian/rules | head -n 1)
    [[ -n $tessdata ]] || fail "debian/rules of Tesseract $version does not say where the language data is"
    # What is built twice is the same: nothing depends on the directory or the time.
    SOURCE_DATE_EPOCH=$(dpkg-parsechangelog --show-field Timestamp)
    export SOURCE_DATE_EPOCH
    {
        ./autogen.sh
        # Legacy models stay: they find a page's orientation. Archives and URLs are never given to it.
        ./configure --disable-tessdata-prefix --disable-openmp --disable-graphics --disable-static --disable-doc \
            --enable-visibility --without-archive --without-curl --without-tensorflow \
            CPPFLAGS="-D_FORTIFY_SOURCE=2 -DTESSDATA_PREFIX='\"$tessdata\"'" \
            CXXFLAGS="${optimize[*]} ${harden[*]} -ffile-prefix-map=$PWD=." LDFLAGS="$harden_link"
        make -j"$(nproc)" libtesseract.la
    } >"$work/log" 2>&1 || {
        tail -n 30 "$work/log" >&2
        fail "Tesseract $version can't be built" "vagrant/install-deps.sh build engine"
    }
    built=$(readlink -f .libs/libtesseract.so)
    strip --strip-unneeded "$built"
}

# The C functions of the distribution's library, by which the service speaks to it, have to be there under the same name.
check() {
    local name missing
    name=$(objdump -p "$built" | sed -n 's/^ *SONAME *//p')
    [[ $name == "$soname" ]] || fail "what was built is $name, and the distribution's library is $soname"
    missing=$(comm -13 <(interface "$built") <(interface "$distributed"))
    [[ -z $missing ]] || fail "what was built lacks" "$missing"
}

interface() {
    nm --dynamic --defined-only "$1" | sed -n 's/.* T \(Tess[A-Za-z0-9]*\).*/\1/p' | sort
}

place() {
    install -D -m 644 "$built" "$library.new"
    install -m 644 debian/copyright "$into/libtesseract-copyright"
    touch --date="@$SOURCE_DATE_EPOCH" "$library.new" "$into/libtesseract-copyright"
    mv "$library.new" "$library"
    echo "$wanted" >"$stamp"
}

main "$@"
