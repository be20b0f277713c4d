#!/usr/bin/env bash
# Compiles every requirements/*.in to a *.txt with the hashes of all files of each release, and no address of an index.
# usage: lock.sh [--upgrade]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../requirements"

# runtime before dev: dev.in takes runtime.txt as a constraint, so that both fit into one environment.
for source in bootstrap.in runtime.in dev.in review.in checkov.in sanity-*.in; do
  name=${source%.in}
  python=3.11
  [ "$name" != sanity-2.21 ] || python=3.13
  echo "lock: $name"
  uv pip compile --system-certs --quiet --generate-hashes --no-emit-index-url --python-version "$python" \
    --custom-compile-command 'make lock' "$@" "$name.in" --output-file "$name.txt"
done
