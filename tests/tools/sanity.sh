#!/usr/bin/env bash
# Runs `ansible-test sanity` of one ansible-core series over a copy of the collection.
# usage: sanity.sh SERIES [ansible-test options...], for example: sanity.sh 2.19 --test validate-modules
# The environments live in $SOFTTOKEN_CACHE (the user's home is not touched), the results in .cache/results/sanity/.
# Each series has a home of its own there, so that two of them can run at a time.
set -euo pipefail

series=$1
shift
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cache=${SOFTTOKEN_CACHE:-$HOME/.cache/softtoken-compliance}/sanity
venv=$cache/core-$series
home=$cache/home-$series
requirements=$root/requirements/sanity-$series.txt
results=$root/.cache/results/sanity

# One environment a series, made anew when its requirements change.
mkdir -p "$home/.ansible/test/cache" "$results"
exec 9>"$cache/lock-$series"
flock 9
wanted=$(cat "$root/requirements/bootstrap.txt" "$requirements" | sha256sum)
if [ "$(cat "$venv/.ready" 2>/dev/null)" != "$wanted" ] || ! "$venv/bin/python" -c '' 2>/dev/null; then
  rm -rf "$venv"
  "$root/tests/tools/bootstrap.sh" "$venv" "$requirements"
  echo "$wanted" >"$venv/.ready"
fi

# ansible-test fills its own environments with a pip bootstrap script that it would download. This one lets the pip
# that is already here do it, through whatever package index pip is configured for.
for setup in "$venv"/lib/python3.*/site-packages/ansible_test/_internal/python_requirements.py; do
  for version in $(grep -oE "pip='[0-9.]+'" "$setup" | tr -dc "0-9.\n" | sort -u); do
    cat >"$home/.ansible/test/cache/get_pip_${version//./_}.py.$$" <<PYTHON
import subprocess, sys
# What pip no longer installs unasked need not be declined.
arguments = [word for word in sys.argv[1:] if word not in ("--no-setuptools", "--no-wheel")]
sys.exit(subprocess.call(["$venv/bin/python", "-m", "pip", "--python", sys.executable, "install", *arguments]))
PYTHON
    mv "$home/.ansible/test/cache/get_pip_${version//./_}.py.$$" \
      "$home/.ansible/test/cache/get_pip_${version//./_}.py"
  done
done

# A copy of what git knows (and of new files it does not ignore), where ansible-test expects a collection.
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
copy=$tree/ansible_collections/softtoken/compliance
mkdir -p "$copy"
cd "$root"
git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
  [ ! -e "$file" ] || printf '%s\0' "$file"
done | tar --null --files-from=- -cf - | tar -xf - -C "$copy"

# The AWS modules take documentation and code from amazon.aws, a dependency in galaxy.yml: it stands beside the copy as
# it would on a controller. It is the one that `make setup` installed with the package ansible.
amazon=$(find "$root"/.venv/lib/python3*/site-packages/ansible_collections -maxdepth 1 -name amazon 2>/dev/null || true)
if [ -z "$amazon" ]; then
  echo "sanity: no collection amazon.aws in .venv, which sanity needs beside this one; run 'make setup'" >&2
  exit 1
fi
ln -s "$amazon" "$tree/ansible_collections/amazon"

if [ -n "$(find "$copy/tests/sanity" -name 'ignore*.txt' 2>/dev/null)" ]; then
  echo "sanity: an ignore file is there; mend what it hides instead" >&2
  exit 1
fi
cd "$copy"
log=$results/$series.log
status=0
python=$("$venv/bin/python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
env HOME="$home" PATH="$venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" ANSIBLE_CONFIG= \
  "$venv/bin/ansible-test" sanity --color no --python "$python" --junit "$@" >"$log" 2>&1 || status=$?
for report in tests/output/junit/*.xml; do
  [ ! -e "$report" ] || cp "$report" "$results/$series-$(basename "$report")"
done

# What it installs is no news; what it finds and what it leaves out is.
grep -E '^(ERROR|FATAL|WARNING)' "$log" | grep -v '^WARNING: Using locale' || true
echo "sanity $series: $(grep -c '^Running sanity test' "$log" || true) tests ran, exit status $status (log: ${log#"$root"/})"
exit "$status"
