#!/usr/bin/env bash
# Writes the OpenAPI schema and the TypeScript types made from it. `--check` fails where the committed ones are stale.
set -euo pipefail
cd "$(dirname "$0")/.."
.venv/bin/python manage.py spectacular --validate --fail-on-warn --file annotation_ui/openapi.yaml
if [ -f annotation_ui/package.json ]; then
    npm --prefix annotation_ui run --silent schema
fi
if [ "${1:-}" = "--check" ]; then
    git diff --exit-code -- annotation_ui
fi
