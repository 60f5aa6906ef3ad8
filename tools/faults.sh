#!/bin/sh
# The long form of the fault tests, and their report card; sourced by ./test --faults.
#   what they need and is missing is installed where that may be done, else named

need_fault_tools() {
    missing=
    for pair in faketime:libfaketime fiu-run:fiu-utils mkfs.ext4:e2fsprogs cc:gcc strace:strace prlimit:util-linux; do
        command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair#*:}"
    done
    case $missing in *libfaketime*) missing="$missing faketime" ;; esac
    [ -n "$missing" ] || return 0
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        # shellcheck disable=SC2086  (one word a package)
        apt-get install -y -q $missing >/dev/null 2>&1 || { apt-get update -q >/dev/null 2>&1 && apt-get install -y -q $missing; } ||
            echo "not installed:$missing; the faults that need them are skipped, and say so" >&2
    else
        echo "missing:$missing; the faults that need them are skipped, and say so" >&2
    fi
}

run_faults() {
    need_fault_tools
    FAULTS_LONG=1
    FAULT_CARD=${FAULT_CARD:-$(mktemp)}
    export FAULTS_LONG FAULT_CARD
    "$python" -m pytest tests/faults --timeout 3600 "$@"
    ended=$?
    printf '\n== report card\n'
    "$python" -m tests.faults.card "$FAULT_CARD"
    exit $ended
}
