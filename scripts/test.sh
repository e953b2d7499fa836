#!/usr/bin/env bash
# Everything that `make test` runs. ARGS goes to pytest: make test ARGS="tests/unit -k pose"
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -f annotation_ui/package.json ]; then
    npm --prefix annotation_ui run --silent test
fi
# One test more at a time than there are cores, up to four: some always wait, for a browser or a server. (`nproc` would
# believe OMP_NUM_THREADS.)
cores=$(env -u OMP_NUM_THREADS nproc)
workers=$((cores < 4 ? cores + 1 : 4))
# Threads that spin while they wait slow the servers that tests start on the same cores.
export OMP_WAIT_POLICY=PASSIVE
# One thread each: tests that run beside each other share the cores already.
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
# All tests run beside each other (`tests/conftest.py` says which stay together); chosen ones one after the other.
# Plain tracebacks: pytest's own read the source by `ast`, which fails in Python 3.11 now and then between Playwright's
# greenlets ("AST constructor recursion depth mismatch") and ends the whole run.
beside="-n $workers --no-loadscope-reorder --tb=native"
# shellcheck disable=SC2086  # ARGS are words
exec .venv/bin/python -m pytest -q ${ARGS:-$beside}
