#!/bin/sh
# Prints a Python from 3.11 on that can make virtual environments, or says what is missing.
found=""
for name in "$@" python3 python3.13 python3.12 python3.11 python3.14 python; do
    version=$("$name" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue
    if ! "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        found="${found:+$found, }$name is $version"
    elif "$name" -c 'import venv, ensurepip' 2>/dev/null; then
        echo "$name"
        exit 0
    else
        bare=${bare:-$version}
    fi
done
if [ -n "${bare:-}" ]; then
    echo "Python $bare is here, but it cannot make virtual environments. On Debian and Ubuntu:" >&2
    echo "  apt-get install python$bare-venv" >&2
else
    echo "footnoted needs Python 3.11 or newer, and none was found${found:+ ($found)}." >&2
    echo "Name one with: make PYTHON=/path/to/python3 ...   On Debian 12, Ubuntu 24.04 and newer:" >&2
    echo "  apt-get install python3 python3-venv" >&2
fi
exit 1
