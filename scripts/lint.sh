#!/usr/bin/env bash
# Everything that `make lint` checks. All checks run, so that one look shows all that is wrong.
set -uo pipefail
cd "$(dirname "$0")/.."
bin=.venv/bin
failed=()

check() {
    local name=$1
    shift
    local output
    if output=$("$@" 2>&1); then
        echo "✓ $name"
    else
        echo "✗ $name: $*"
        echo "$output"
        failed+=("$name")
    fi
}

check "ruff" $bin/ruff check --quiet .
check "formatting" $bin/ruff format --check --quiet .
check "types" $bin/mypy --no-error-summary engine annotation_ui model_workers training_loop benchmarks scripts tests manage.py
check "import rules" $bin/lint-imports
check "migrations" $bin/python manage.py makemigrations --check --dry-run
if [ -f annotation_ui/package.json ]; then
    check "Biome" npm --prefix annotation_ui run --silent lint
    check "TypeScript" npm --prefix annotation_ui run --silent typecheck
    check "API types" bash scripts/schema.sh --check
fi
if ((${#failed[@]})); then
    echo "make lint: failed: ${failed[*]}"
    exit 1
fi
