# shellcheck shell=sh
# Sourced by ./run and ./test, which set $here: brings $here/.venv to the state of a lock file.
# Both share one venv. Every pin of core.lock is in dev.lock too (tests/test_architecture.py holds that), and packages
# are only ever added or moved to their pinned version, so neither script spoils the other's set.
# All this talks on stderr: stdout belongs to the command.

venv=${here:?}/.venv
python=$venv/bin/python

say() { printf '%s\n' "$@" >&2; }

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

# Prints the newest python that can make a venv; Debian and Ubuntu ship one that cannot until python3-venv is there.
find_python() {
    incomplete=
    for name in python3.14 python3.13 python3.12 python3.11 python3; do
        new_enough "$name" || continue
        if "$name" -c 'import ensurepip, venv' 2>/dev/null; then
            printf '%s\n' "$name"
            return
        fi
        incomplete=$name
    done
    if [ -n "$incomplete" ]; then
        say "$incomplete cannot make virtual environments. On Debian or Ubuntu: sudo apt install python3-venv" \
            "$incomplete 无法创建虚拟环境。Debian / Ubuntu 请先执行：sudo apt install python3-venv"
    else
        say "dispatchserver needs Python 3.11 or newer, and none was found on the PATH." \
            "dispatchserver 需要 Python 3.11 或更新的版本，但 PATH 中没有找到。"
    fi
    return 1
}

# Makes the venv, or mends one whose python is gone (an upgraded system) or whose making was cut off.
make_venv() {
    if ! new_enough "$python"; then
        rm -rf "${venv:?}/bin" "${venv:?}/include" "${venv:?}/lib" "${venv:?}/lib64" "$venv/pyvenv.cfg" "$venv"/.stamp-*
        "$1" -m venv "$venv"
    elif ! "$python" -m pip --version >/dev/null 2>&1; then
        "$python" -m ensurepip --upgrade >/dev/null
    fi
}

pip_setting() { "$python" -m pip config list 2>/dev/null | sed -n "s/^[^=]*[.]$1='\(.*\)'\$/\1/p" | head -n 1; }

# uv does not read pip's settings: hand it the package index and the certificates that the user gave to pip.
uv_install() {
    [ -x "$venv/bin/uv" ] || "$python" -m pip install -q --retries 1 --only-binary :all: --require-hashes \
        -r requirements/installer.lock 2>/dev/null || return 1
    index=${UV_DEFAULT_INDEX:-${UV_INDEX_URL:-$(pip_setting index-url)}}
    cert=${SSL_CERT_FILE:-$(pip_setting cert)}
    [ -z "$index" ] || export UV_DEFAULT_INDEX="$index"
    [ -z "$cert" ] || export SSL_CERT_FILE="$cert"
    "$venv/bin/uv" pip install -q --python "$python" --require-hashes -r "$1"
}

# uv is several times quicker than pip; where it cannot be had or does not get through, pip does the same.
install() {
    uv_install "$1" && return
    say "uv cannot be used here; installing by pip, which takes longer. | 无法使用 uv，改用 pip 安装，耗时较长。"
    "$python" -m pip install -q --require-hashes -r "$1"
}

# The lock lives as long as descriptor 9 is open, so a killed start leaves none behind (macOS has no flock command).
flock9() { "$1" -c "import fcntl; fcntl.flock(0, fcntl.LOCK_EX $2)" <&9 2>/dev/null; }

# Usage: need_venv core|dev. When nothing changed since the last start, this costs a checksum.
need_venv() {
    wanted=$(cksum <"$here/requirements/$1.lock") || exit 1
    current "$1" && return
    base=$(find_python) || exit 1
    mkdir -p "$venv" || exit 1
    (
        cd "$here" || exit 1 # so that no uv or pip settings file of the caller's folder is read
        flock9 "$base" '| fcntl.LOCK_NB' || {
            say "Waiting for another start to finish … | 正在等待另一个启动完成……"
            flock9 "$base" '' || : # a file system without locks: go on without
        }
        current "$1" && exit
        say "Preparing .venv from requirements/$1.lock, about 20 s … | 正在准备 .venv，约 20 秒……"
        if make_venv "$base" && install "requirements/$1.lock"; then
            printf '%s\n' "$wanted" >"$venv/.stamp-$1"
        else
            say "Preparing .venv failed; the reason stands above. | 准备 .venv 失败，原因见上。"
            exit 1
        fi
    ) 9>>"$venv/.starting" </dev/null >&2 || exit 1
}

current() { [ -x "$python" ] && [ "$wanted" = "$(cat "$venv/.stamp-$1" 2>/dev/null)" ]; }
