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
# None of it changes a result: -fno-trapping-math and -fno-math-errno let the compiler turn branches on floats into vectors, and
# what -march would change by fused multiplications is off. Hidden symbols and no interposition let it inline across files,
# which a shared library otherwise forbids. The define keeps a line's pixels as they are on their way to the model, where the
# distribution's build compresses them to PNG and back.
optimize=(-O3 "-march=$level" -ffp-contract=off -flto=auto -fno-math-errno -fno-trapping-math -fno-semantic-interposition)
define=-DTESSERACT_IMAGEDATA_AS_PIX
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
    package=$(dpkg-query --show --showformat='${db:Status-Status} ${Package}\n' 'libtesseract[0-9]*' 2>/dev/null |
        sed -n 's/^installed //p' | head -n 1)
    [[ -n $package ]] || fail "the distribution's Tesseract is not installed" "apt-get install libtesseract-dev"
    # shellcheck disable=SC2016  # for dpkg-query to expand
    version=$(dpkg-query --show --showformat='${source:Version}' "$package")
    data=$(dpkg-query --search '*/tessdata/*.traineddata' 2>/dev/null | sed -n 's/^[^:]*: \(.*\)\/tessdata\/[^/]*$/\1/p' | head -n 1)
    [[ -n $data ]] || fail "no language data is installed" "apt-get install tesseract-ocr-eng"
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
    local options file files uri name hash
    mkdir -p "$work/sources" "$work/lists/partial" "$work/cache" "$work/tesseract"
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
        [[ -f $file ]] || continue
        case $file in
        *.list) sed -n -E 's/^[[:space:]]*deb[[:space:]]/deb-src /p' "$file" >"$work/sources/${file##*/}.list" ;;
        *.sources) sed -E 's/^(Types:).*/\1 deb-src/' "$file" >"$work/sources/${file##*/}" ;;
        esac
    done
    options=(--option Dir::Etc::SourceList=/dev/null --option "Dir::Etc::SourceParts=$work/sources"
        --option "Dir::State::Lists=$work/lists" --option "Dir::Cache=$work/cache"
        --option Acquire::Languages=none --option Acquire::Retries=3 --option APT::Sandbox::User=)
    # Others' repositories have no sources, or can't be reached; if it is the distribution's, the next step tells.
    apt-get "${options[@]}" --quiet=2 update >/dev/null 2>"$work/update" || true
    files=$(apt-get "${options[@]}" --quiet=2 --print-uris source "tesseract=$version" 2>"$work/source") || {
        cat "$work/update" "$work/source" >&2
        fail "no package source has the source of Tesseract $version" \
            "if that is not the newest version any more: apt-get install --only-upgrade libtesseract-dev"
    }
    # Lines of 'URI' name size SHA256:hash, from an index whose signature apt has verified; the helper verifies the hash. The
    # package's third archive has pictures for tests.
    while read -r uri name _ hash; do
        case $name in
        *.orig.tar.* | *.debian.tar.*)
            /usr/lib/apt/apt-helper "${options[@]}" download-file "$(tr -d "'" <<<"$uri")" "$work/$name" "$hash" \
                >/dev/null 2>"$work/download" || {
                cat "$work/download" >&2
                rm -f "$work/$name"
            }
            ;;
        esac
    done <<<"$files"
    tar --extract --file "$work"/*.orig.tar.* --directory "$work/tesseract" --strip-components=1 ||
        fail "the source of Tesseract $version can't be fetched"
    if ls "$work"/*.debian.tar.* >/dev/null 2>&1; then
        tar --extract --file "$work"/*.debian.tar.* --directory "$work/tesseract"
        (cd "$work/tesseract" && dpkg-source --before-build . >/dev/null)
    elif [[ $version == *[+~]deb* || $version == *ubuntu* ]]; then
        fail "the distribution's changes to Tesseract $version can't be fetched, and that version was made for them"
    else
        echo "build-engine.sh: without the distribution's changes, which are to texts of the command" >&2
    fi
}

compile() {
    cd "$work/tesseract"
    # What is built twice is the same: nothing depends on the directory or the time.
    SOURCE_DATE_EPOCH=$(stat --format=%Y VERSION)
    export SOURCE_DATE_EPOCH
    {
        ./autogen.sh
        # Models of the older kind stay: one of them finds a page's script. Archives and URLs are never given to it.
        ./configure --disable-tessdata-prefix --disable-openmp --disable-graphics --disable-static --disable-doc \
            --enable-visibility --without-archive --without-curl --without-tensorflow \
            CPPFLAGS="$define -D_FORTIFY_SOURCE=2 -DTESSDATA_PREFIX='\"$data\"'" \
            CXXFLAGS="${optimize[*]} ${harden[*]} -ffile-prefix-map=$PWD=." LDFLAGS="$harden_link"
        make -j"$(getconf _NPROCESSORS_ONLN)" libtesseract.la
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
    install -m 644 "/usr/share/doc/$package/copyright" "$into/libtesseract-copyright"
    touch --date="@$SOURCE_DATE_EPOCH" "$library.new" "$into/libtesseract-copyright"
    mv "$library.new" "$library"
    echo "$wanted" >"$stamp"
}

main "$@"
