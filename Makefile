# SMI Sidecar. `make demo` shows it at work, `make test` proves it; both install what they need.

PYTHON  ?= python3
VENV    := .venv
PY      := $(VENV)/bin/python
JOBS    ?= 1000
SEED    ?= 1
MODE    ?= local
ONLY    ?=
PACKAGE ?= build/smi-bridge.zip
DIST    ?= dist

.DEFAULT_GOAL := help
# What was compiled, tests included, is there for the next run.
unexport PYTHONDONTWRITEBYTECODE
.PHONY: help venv system system-demo demo test all-tests test-fast lint bench chaos screenshots plugin dist lock clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | awk -F'\t' '{printf "  make %-12s %s\n", $$1, $$2}'

$(VENV)/.ready: requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed (set PYTHON=…)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { [ "$$(id -u)" = 0 ] && echo "installing python3-venv" && apt-get update -qq \
		&& DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-venv >/dev/null; } \
		|| { echo "missing: python3-venv (install it with your package manager)"; exit 1; }
	@echo "installing Python packages into $(VENV)"
	@[ -x $(PY) ] || $(PYTHON) -m venv $(VENV)
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

venv: $(VENV)/.ready ## the Python environment in .venv

system: venv ## all that tests need: PHP, phpcs, MariaDB, nginx, Apache, Redis, Chromium (apt as root, else a list)
	@$(PY) -m tests.testbed.system

system-demo: venv
	@$(PY) -m tests.testbed.system shop

demo: system-demo ## buy an image on a real WordPress and watch it being delivered (DEMO_ONCE=1: once, then stop; MODE=remote: the sidecar elsewhere)
	@$(PY) -m tests.testbed.demo $(MODE)

test: system ## everything: lint, unit, contract, real Redis, real WordPress (oldest and newest), a real browser
	@$(MAKE) --no-print-directory --jobs=2 lint all-tests

all-tests: venv
	@$(PY) -m pytest -n auto --dist loadgroup --no-loadscope-reorder $(ARGS)

test-fast: venv ## the inner loop: what needs no WordPress, browser or real processes
	@$(PY) -m pytest --fast -q -n auto $(ARGS)

lint: venv ## ruff, mypy, and what is here of php -l and phpcs over the plugin
	@$(PY) -m ruff check . && $(PY) -m ruff format --check .
	@$(PY) -m mypy
	@if command -v php >/dev/null; then find wp-bridge-plugin tests bench -name '*.php' -print0 2>/dev/null | xargs -0 -n1 -P2 php -l >/dev/null; fi
	@if command -v phpcs >/dev/null; then phpcs -q; fi

bench: system ## measure, side by side with the in-request handler (ONLY=<name>: one measurement)
	@$(PY) -m bench $(ONLY)

chaos: system ## random faults and kills over JOBS=1000 jobs, SEED=1, MODE=local, remote or pull, then a check of the invariants
	@$(PY) -m tests.chaos --jobs $(JOBS) --seed $(SEED) --mode $(MODE)

screenshots: system ## every page, mail and state as PNG in build/screenshots
	@$(PY) -m tests.screenshots

plugin: ## the bridge as build/smi-bridge.zip, ready to upload in WordPress
	@mkdir -p $(dir $(PACKAGE)) && $(PYTHON) -m sidecar.adapters.bridge_zip > $(PACKAGE) && echo $(PACKAGE)

dist: venv ## wheel, sdist and the bridge's zip in dist/ (DIST=…), the same bytes each time
	@$(PY) hatch_build.py $(DIST)

lock: venv ## renew requirements*.txt from pyproject.toml
	@$(PY) -m pip install --quiet uv
	@$(VENV)/bin/uv pip compile -q --generate-hashes --no-emit-index-url --no-header pyproject.toml -o requirements.txt
	@$(VENV)/bin/uv pip compile -q --generate-hashes --no-emit-index-url --no-header --group dev pyproject.toml -o requirements-dev.txt

clean: ## remove build/ and .venv
	@rm -rf build $(VENV)
