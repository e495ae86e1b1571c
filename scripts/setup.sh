# Sourced by serve and test. `setup NAME...` installs the project with the extras named into .venv ("base" is none),
# and does nothing when that has been done for the pyproject.toml as it is.
venv=$root/.venv

find_python() {
    for candidate in "${PYTHON:-}" python3 python3.13 python3.12 python3.11 python; do
        [ -n "$candidate" ] && command -v "$candidate" >/dev/null 2>&1 || continue
        if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    echo "voicechat needs Python 3.11, 3.12 or 3.13 and found none; install one or set PYTHON to it." >&2
    return 1
}

setup() {
    local extras=$1 stamp wanted python
    stamp=$venv/.installed-$extras
    wanted=$( (cat "$root/pyproject.toml"; echo "$root") | cksum)
    if [ -x "$venv/bin/python" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
        return
    fi
    python=$(find_python)
    if ! [ -x "$venv/bin/python" ] || ! "$venv/bin/python" -c '' 2>/dev/null; then
        echo "Creating .venv ..." >&2
        "$python" -m venv --clear "$venv" || {
            echo "Python cannot create virtual environments here (on Debian: apt install python3-venv)." >&2
            return 1
        }
    fi
    echo "Installing voicechat ($extras) ..." >&2
    local target=$root
    [ "$extras" = base ] || target="$root[$extras]"
    # Most of what is installed is never imported: compiling it all would double the time and add 60 MB.
    "$venv/bin/python" -m pip install --quiet --no-compile --disable-pip-version-check --editable "$target" || {
        echo "The installation failed; the lines above say why. It needs a package index once." >&2
        return 1
    }
    echo "$wanted" >"$stamp"
}
