# Every target sets itself up: an environment in .venv, made with uv from PyPI. Needs Python 3.11+, git and make.
PYTHON ?= python3
UV_VERSION := 0.13.9
UV := .venv/bin/uv
RUN := $(UV) run --no-sync --quiet
SHELL := /bin/bash

.PHONY: help setup demo test check fix bench soak test-torch clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t14

setup: .venv/.ready ## Make the environment in .venv

.venv/.ready: pyproject.toml uv.lock
	@command -v $(PYTHON) >/dev/null || { echo "hotplate needs Python 3.11 or newer. On Debian or Ubuntu: sudo apt-get install python3 python3-venv"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "hotplate needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V). Name another with: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "Python's venv module is missing. On Debian or Ubuntu: sudo apt-get install python3-venv"; exit 1; }
	@test -x .venv/bin/python || $(PYTHON) -m venv .venv
	@test -x $(UV) || .venv/bin/python -m pip install --quiet --disable-pip-version-check "uv==$(UV_VERSION)"
	$(UV) sync --locked --inexact --quiet
	@touch $@

demo: setup ## Serve a face detector, send it a photograph, save the answer
	$(RUN) python examples/demo.py

test: setup ## Run the whole base suite
	$(RUN) pytest -n auto -m "not torch and not serial and not soak"
	$(RUN) pytest -m "serial and not torch and not soak"

test-torch: setup ## Run the flan-t5 and wav2vec scaffolds on tiny models (installs torch)
	$(RUN) pytest -m torch

soak: setup ## Run the long tests
	$(RUN) pytest -m soak

check: setup ## Lint, types, import arrows
	$(RUN) ruff format --check .
	$(RUN) ruff check .
	$(RUN) basedpyright
	$(RUN) pytest -q -p no:cacheprovider tests/style

fix: setup ## Format and mend what can be mended
	$(RUN) ruff format .
	$(RUN) ruff check --fix .

bench: setup ## Measure beside peers (needs wrk and nginx)
	$(RUN) python -m bench

clean: ## Remove the environment and caches
	rm -rf .venv .cache .pytest_cache .ruff_cache .hypothesis
