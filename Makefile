# Every target sets itself up: an environment in .venv, made with uv from PyPI. Needs Python 3.11+, git and make.
# A system package that is missing is named with the command that installs it.
PYTHON ?= python3
UV_VERSION := 0.13.9
UV := .venv/bin/uv
RUN := $(UV) run --no-sync --quiet
SHELL := /bin/bash

# Where byte code is not kept, each of the thousands of processes of a run compiles all that it imports.
export PYTHONDONTWRITEBYTECODE :=

# $(call need,COMMAND,PACKAGE): stop where a system package is missing. $(call miss,COMMAND,PACKAGE,WHAT): say so.
# Debian keeps some commands where only root looks.
found = PATH="$$PATH:/usr/sbin" command -v $(1) >/dev/null
need = @$(call found,$(1)) || { echo "make $@ needs $(1). On Debian or Ubuntu: sudo apt-get install $(2)"; exit 1; }
miss = @$(call found,$(1)) || echo "Without $(1), tests of $(3) are skipped. On Debian or Ubuntu: sudo apt-get install $(2)"

.PHONY: help setup demo test check fix bench soak test-torch screenshots clean

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
	$(call miss,espeak-ng,espeak-ng,speech)
	$(call miss,chromium,chromium,the dashboard and the documentation page in a browser)
	$(call miss,curl,curl,curl commands in the documents)
	$(call miss,strace,strace,the flush before an answer)
	$(call miss,dockerd,docker.io,container images)
	$(call miss,podman,podman netavark,images by Podman)
	$(call miss,mmdebstrap,mmdebstrap,container images)
	$(call miss,psql,postgresql,jobs in PostgreSQL)
	$(RUN) python tests/suite.py

test-torch: setup ## Run the flan-t5 and wav2vec scaffolds on tiny models, and functions of tensors (installs torch)
	$(RUN) pytest -m torch

soak: setup ## Run the long tests
	$(RUN) pytest -m soak

check: setup ## Check format, lint, types and style (import arrows, budgets, documents)
	$(RUN) ruff format --check .
	$(RUN) ruff check .
	$(RUN) basedpyright
	$(RUN) pytest -q -p no:cacheprovider tests/style

fix: setup ## Format and mend what can be mended
	$(RUN) ruff format .
	$(RUN) ruff check --fix .

bench: setup ## Measure beside peers (needs wrk and nginx)
	$(call need,wrk,wrk)
	$(call need,nginx,nginx-light)
	$(RUN) python -m bench

screenshots: setup ## Take the documents' pictures of the dashboard anew (needs chromium and PyPI)
	$(call need,chromium,chromium)
	$(RUN) python tests/screenshots.py

clean: ## Remove the environment and caches
	rm -rf .venv .cache .pytest_cache .ruff_cache .hypothesis
