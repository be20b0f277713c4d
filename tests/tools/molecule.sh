#!/usr/bin/env bash
# Runs `molecule test` for every scenario of molecule/ (or those named), one after the other, also after a failure.
# usage: molecule.sh [SCENARIO...]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
results=$PWD/.cache/results/molecule
mkdir -p "$results"

if [ "$(id -u)" -ne 0 ]; then
  echo "containers that run systemd need root" | tee "$results/skipped"
  exit 0
fi

scenarios=("$@")
if [ ${#scenarios[@]} -eq 0 ]; then
  for file in molecule/*/molecule.yml; do
    [ ! -e "$file" ] || scenarios+=("$(basename "$(dirname "$file")")")
  done
fi
if [ ${#scenarios[@]} -eq 0 ]; then
  echo "molecule: no scenario found in molecule/" >&2
  exit 1
fi

failed=()
for scenario in "${scenarios[@]}"; do
  echo "--- molecule test --scenario-name $scenario"
  start=$SECONDS
  outcome=passed
  PYTEST_ADDOPTS="--junitxml=$results/$scenario.xml" molecule test --scenario-name "$scenario" || {
    outcome=FAILED
    failed+=("$scenario")
  }
  echo "--- $scenario: $outcome after $((SECONDS - start)) s"
done
if [ ${#failed[@]} -gt 0 ]; then
  echo "molecule: failed: ${failed[*]}" >&2
  exit 1
fi
