#!/usr/bin/env bash
# Installs the Debian packages of requirements/system-test.txt that are missing, and starts none of their services.
# usage: system_packages.sh [--check]     (--check installs nothing; exit 1 and a line says what is missing)
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

if ! command -v dpkg-query >/dev/null 2>&1; then
  echo "test-tools: this is not a Debian system; the rigs need the tools of requirements/system-test.txt"
  exit 1
fi

# A name with a question mark is wanted where apt knows a package of it: not every release has one.
known() { apt-cache show "$1" >/dev/null 2>&1; }
missing=() unknown=()
while IFS= read -r name; do
  package=${name%\?}
  state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$state" != installed ] || continue
  if [ "$name" = "$package" ] || known "$package"; then
    missing+=("$package")
  else
    unknown+=("$package")
  fi
done < <(sed 's/#.*//' "$root/requirements/system-test.txt" | grep -v '^ *$')

if [ ${#missing[@]} -eq 0 ]; then
  exit 0
fi
if [ "${1:-}" = --check ]; then
  echo "test-tools: missing: ${missing[*]} (as root: make test-tools)"
  exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
  echo "test-tools: missing, and only root may install them: apt-get install ${missing[*]}"
  exit 1
fi

echo "test-tools: installing ${missing[*]}"
log=$(mktemp)
policy=/usr/sbin/policy-rc.d
own_policy=
cleanup() {
  rm -f "$log"
  [ -z "$own_policy" ] || rm -f "$policy"
}
trap cleanup EXIT
# The way Debian offers to install a service without starting it; a policy that is there already stays as it is.
if [ ! -e "$policy" ]; then
  own_policy=yes
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod +x "$policy"
fi
quietly() {
  if ! "$@" >"$log" 2>&1; then
    cat "$log" >&2
    echo "test-tools: failed: $*" >&2
    exit 1
  fi
}
export DEBIAN_FRONTEND=noninteractive
quietly apt-get update -q
for package in "${unknown[@]}"; do
  ! known "$package" || missing+=("$package")
done
quietly apt-get install -q -y --no-install-recommends "${missing[@]}"
