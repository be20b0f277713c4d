#!/usr/bin/env bash
# Runs sanity.sh for an ansible-core series that needs a newer Python than this machine's, in a Debian 13 root.
# usage: sanity_next.sh SERIES [ansible-test options...]
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cache=${SOFTTOKEN_CACHE:-$HOME/.cache/softtoken-compliance}/sanity/trixie
system=$cache/root

if [ "$(id -u)" -ne 0 ]; then
  echo "sanity-next: needs root, to make and enter a Debian 13 root" >&2
  exit 1
fi

# The mounts live in a mount namespace of their own and go with it.
if [ "${1:-}" != --inside ]; then
  mkdir -p "$cache"
  if [ ! -e "$cache/ready" ]; then
    echo "sanity-next: making a Debian 13 root in $system"
    rm -rf "$system"
    mmdebstrap --quiet --variant=minbase --include=python3,python3-venv,git,ca-certificates trixie "$system"
    touch "$cache/ready"
  fi
  exec unshare --mount "${BASH_SOURCE[0]}" --inside "$@"
fi
shift

# The root resolves names, trusts certificates and finds its package index the way this machine does.
mkdir -p "$system/collection" "$system/cache" "$cache/home"
mount --bind "$root" "$system/collection"
mount --bind "$cache/home" "$system/cache"
# The checkout may be a git worktree, whose .git names a directory elsewhere.
common=$(GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0="$root" \
  git -C "$root" rev-parse --path-format=absolute --git-common-dir)
if [ "$common" != "$root/.git" ]; then
  mkdir -p "$system$common"
  mount --bind -o ro "$common" "$system$common"
fi
mount -t proc proc "$system/proc"
mount --rbind /dev "$system/dev"
for file in /etc/resolv.conf /etc/hosts /etc/pip.conf /etc/ssl/certs/ca-certificates.crt; do
  if [ -e "$file" ]; then
    [ -e "$system$file" ] || touch "$system$file"
    mount --bind "$(readlink -f "$file")" "$system$(readlink -m "$file")"
  fi
done
export HOME=/cache PATH=/usr/sbin:/usr/bin:/sbin:/bin SOFTTOKEN_CACHE=/cache
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0=/collection
unset PYTHON VIRTUAL_ENV
exec chroot "$system" /collection/tests/tools/sanity.sh "$@"
