#!/bin/sh
# Writes requirements/*.lock anew from pyproject.toml; arguments go to uv, so `tools/lock.sh --upgrade` takes new versions.
# Needs uv: the one that ./run put into .venv, or the one on the PATH.

cd -- "$(dirname -- "$0")/.." || exit 1
PATH=$PWD/.venv/bin:$PATH

# Without addresses, so that everybody's own package index serves; hashes keep the contents the same.
compile() {
    uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q "$@"
}

compile "$@" pyproject.toml -o requirements/core.lock &&
    compile "$@" pyproject.toml --group dev --constraints requirements/core.lock -o requirements/dev.lock &&
    echo uv | compile "$@" - -o requirements/installer.lock
