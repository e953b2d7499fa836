#!/usr/bin/env bash
# Writes the TypeScript types of the REST API, made from its OpenAPI schema (left in var/openapi.yaml).
# With --check nothing in the checkout changes; it fails where the committed types are stale.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p var
.venv/bin/python manage.py spectacular --validate --fail-on-warn --file var/openapi.yaml
cd annotation_ui
if [ "${1:-}" = "--check" ]; then
    npx --no-install openapi-typescript ../var/openapi.yaml -o ../var/schema.gen.ts >/dev/null
    diff -u src/api/schema.gen.ts ../var/schema.gen.ts || {
        echo "The API has changed: run \`make schema\` and commit annotation_ui/src/api/schema.gen.ts."
        exit 1
    }
else
    npm run --silent schema
fi
