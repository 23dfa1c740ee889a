#!/bin/sh
# Installs the Python programs of python.txt, which the tests run, into a virtual environment: in the given directory, or
# else beside ocr-service, where the tests search for them. Needs python3 with venv.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
into=${1:-${CARGO_TARGET_DIR:-$here/../../target}/release/python}

# Its programs name their interpreter by its path: a directory that was moved or copied is made anew.
stamp() { cat "$here/python.txt" && echo "$into"; }
if stamp | cmp -s - "$into/.installed"; then
    exit 0
fi
rm -rf "$into"
mkdir -p "$(dirname "$into")"
python3 -m venv "$into"
"$into/bin/python3" -m pip install --quiet --disable-pip-version-check --requirement "$here/python.txt"
stamp >"$into/.installed"
echo "python.sh: $into" >&2
