# shellcheck shell=sh
# Sourced by ./test: finds or fetches what the tests need beyond Python, and says so when something is left out.

find_chromium() {
    for name in "${CHROMIUM-}" /usr/bin/chromium /usr/bin/chromium-browser chromium google-chrome; do
        CHROMIUM=$(command -v "$name") && export CHROMIUM && return
    done
    unset CHROMIUM
    return 1
}

# Leaves CHROMIUM set, or unset after one line on how to get it; in CI, where nothing may be left out, that fails.
need_chromium() {
    find_chromium && echo "$CHROMIUM" && return
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "installing Chromium and Chinese fonts by apt-get …"
        { apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq --no-install-recommends chromium fonts-noto-cjk; } </dev/null >/dev/null
        find_chromium && echo "$CHROMIUM" && return
    fi
    echo "browser tests skipped: no Chromium; run: sudo apt-get install chromium fonts-noto-cjk"
    [ "${CI-}" != true ]
}
