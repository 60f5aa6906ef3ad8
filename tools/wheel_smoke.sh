#!/bin/sh
# Usage: tools/wheel_smoke.sh FOLDER. Builds the wheel into FOLDER, and installs it in a new venv FOLDER/venv that is
# lent the run-time packages of the python which runs the tests ($PYTHON): the wheel is under test here, not the index.
set -e

folder=$(cd -- "$1" && pwd)
cd -- "$(dirname -- "$0")/.."
python=${PYTHON:-.venv/bin/python}

"$python" -m build --wheel --no-isolation --outdir "$folder" .

"$python" -m venv --without-pip "$folder/venv"
new=$folder/venv/bin/python
lent=$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
own=$("$new" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
printf '%s\n' "$lent" >"$own/lent.pth"

"$python" -m pip --python "$new" install -q --no-index --no-deps "$folder"/*.whl
