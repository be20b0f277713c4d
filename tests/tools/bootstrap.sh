#!/usr/bin/env bash
# Makes the virtual environment DIR with the hash-pinned requirement files given, and nothing else in it.
# usage: bootstrap.sh DIR REQUIREMENTS.txt...
# Finds a Python >= 3.11 that can make environments; on Debian, as root, it installs one where there is none.
set -euo pipefail

venv=$1
shift
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
log=$(mktemp)
trap 'rm -f "$log"' EXIT

can_make_environments() {
  "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
  local candidate
  for candidate in ${PYTHON:-} python3 /usr/bin/python3 python3.13 python3.12 python3.11; do
    if command -v "$candidate" >/dev/null 2>&1 && can_make_environments "$candidate"; then
      # The interpreter behind an environment or a shim, so that the new environment outlives both.
      "$candidate" -c 'import sys; print(sys._base_executable)'
      return 0
    fi
  done
  return 1
}

install_python() {
  local need="Python 3.11 or newer with its venv module"
  if ! command -v apt-get >/dev/null 2>&1; then
    echo "setup: $need is missing, and this is not a Debian system: install it, then run 'make setup' again." >&2
    exit 1
  fi
  if [ "$(id -u)" -ne 0 ]; then
    echo "setup: $need is missing. As root run: apt-get install python3 python3-venv; then 'make setup' again." >&2
    exit 1
  fi
  echo "setup: installing python3 and python3-venv with apt-get"
  export DEBIAN_FRONTEND=noninteractive
  quietly apt-get update -q
  quietly apt-get install -q -y --no-install-recommends python3 python3-venv ca-certificates
}

quietly() {
  if ! "$@" >"$log" 2>&1; then
    cat "$log" >&2
    echo "setup: failed: $*" >&2
    exit 1
  fi
}

if ! python=$(find_python); then
  install_python
  python=$(find_python) || {
    echo "setup: no Python 3.11 or newer found, even after the installation; set PYTHON=/path/to/python3." >&2
    exit 1
  }
fi

# An environment whose interpreter is gone (a system upgrade) cannot be repaired, only replaced.
if [ -e "$venv" ] && ! "$venv/bin/python" -c '' >/dev/null 2>&1; then
  rm -rf "$venv"
fi
if [ ! -e "$venv" ]; then
  echo "setup: making $venv with $python"
  quietly "$python" -m venv "$venv"
fi
bootstrap=$root/requirements/bootstrap.txt
if ! [ -x "$venv/bin/uv" ]; then
  quietly "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$bootstrap"
fi
echo "setup: installing $* into $venv"
quietly "$venv/bin/uv" pip sync --system-certs --quiet --require-hashes --python "$venv/bin/python" "$bootstrap" "$@"
