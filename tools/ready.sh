# Sourced by ./run and ./test: makes the environment when it is missing or older than what it is made from.
# A second start costs a few milliseconds: one `find` for anything newer than the stamp.
stamp="$here/.venv/.ready"
newer() {
    find "$here/requirements.lock" "$here/requirements-data.lock" "$here/pyproject.toml" "$here/tools" "$here/web" -name node_modules -prune -o \
        -type f -newer "$stamp" -print 2>/dev/null | head -n 1
}
if [ ! -f "$stamp" ] || [ "$(cat "$stamp" 2>/dev/null)" != "$here" ] || [ -n "$(newer)" ]; then
    python=${JIEHUAN_PYTHON:-}
    if [ -z "$python" ]; then
        for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
            if command -v "$candidate" >/dev/null 2>&1 &&
                "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
                python=$candidate
                break
            fi
        done
    fi
    if [ -z "$python" ]; then
        echo "jiehuan needs Python 3.11 or newer and found none; install it, or name it in JIEHUAN_PYTHON." >&2
        exit 2
    fi
    "$python" "$here/tools/set_up.py" || exit $?
fi
JIEHUAN_HOME=${JIEHUAN_HOME:-$here/var}
export JIEHUAN_HOME
