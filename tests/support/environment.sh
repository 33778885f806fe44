#!/bin/sh
# Brings a virtual environment up to date with a lock file: environment.sh <folder> <lock>
set -eu
venv=$1
lock=$2

is_new_enough() {
    "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
    for name in ${PYTHON:-} python3 python3.13 python3.12 python3.11 python3.14 python; do
        if command -v "$name" >/dev/null && is_new_enough "$name"; then
            echo "$name"
            return
        fi
    done
    echo "Python 3.11 or newer with its venv module is needed (Debian: python3-venv)." >&2
    exit 1
}

echo "Building $venv from $lock; this happens once." >&2
if command -v uv >/dev/null; then
    [ -x "$venv/bin/python" ] || uv venv --quiet --seed --python '>=3.11' "$venv"
    install="uv pip install --quiet --python $venv/bin/python"
else
    if [ ! -x "$venv/bin/python" ]; then
        python=$(find_python)
        "$python" -m venv "$venv"
    fi
    install="$venv/bin/python -m pip install --quiet --disable-pip-version-check"
fi
$install --require-hashes --requirement "$lock"
$install --no-deps --no-build-isolation --no-index --editable .
