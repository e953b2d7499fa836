# `make` lists the targets. Python for setting up: `make setup PYTHON=python3.12`.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv/bin
SHELL := bash
# Many containers set it; dozens of processes would each compile Django, torch and the rest anew: 4 to 6 s of a core each.
unexport PYTHONDONTWRITEBYTECODE
# Where nobody comes back to stop them, the embedded services end with the command.
STOP_IN_CI := $(if $(CI),; code=$$?; $(VENV)/python -m engine.embedded.stop >/dev/null; exit $$code)
.DEFAULT_GOAL := help
.PHONY: help setup demo serve test lint bench stop schema

help: ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 16

setup: ## install everything into .venv, annotation_ui/node_modules and var/ (seconds when nothing changed)
	@$(PYTHON) scripts/setup.py

demo: ## turn the flywheel on real photographs, then serve it at http://127.0.0.1:8000
	@$(PYTHON) scripts/setup.py --without-browser --without-database
	@$(VENV)/python -m scripts.demo $(STOP_IN_CI)

serve: ## web server, engine worker and model worker in the foreground
	@$(PYTHON) scripts/setup.py --without-browser --without-database
	@$(VENV)/python -m engine.serve

test: setup ## all tests: Python, real browser, TypeScript
	@bash scripts/test.sh $(STOP_IN_CI)

lint: setup ## formatting, lint, types, import rules, missing migrations
	@bash scripts/lint.sh

bench: ## every benchmark (claims, model, evaluation, …), as JSON
	@$(PYTHON) scripts/setup.py --without-browser
	@$(VENV)/python -m benchmarks

schema: ## write the OpenAPI schema and the TypeScript types made from it
	@bash scripts/schema.sh

stop: ## stop a running serve and the embedded PostgreSQL and Redis
	@$(VENV)/python -m engine.embedded.stop
