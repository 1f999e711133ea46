# The project's verbs. On a fresh Debian or Ubuntu machine, as root:
#   make up      a running service with a first project     make down    stop it; PURGE=1 removes all it made
#   make test    every test                                 make check   those that need no Docker
#   make lint    style and types                            make bench   measurements
#   make docs    the generated pages                        make constraints   newer pins
#   make matrix  every process killed at every phase; goes on where it was interrupted
# Settings: FLAVOUR=sandbox|supabase  PORT=8600  MIRROR=http://mirror.example.com/debian  PURGE=1  PYTHON=python3.12
#   PYTEST_ARGS="-k name"

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := check
.PHONY: up down test check lint bench matrix docs constraints machine-ready test-packages

PYTHON ?= python3
FLAVOUR ?=
PORT ?=
# Of Debian packages, for the sandbox images: a machine that is not Debian names none.
MIRROR ?=
PURGE ?=
PYTEST_ARGS ?=

# One file in one process, for its fixtures; three on two cores, for half of it is waiting for somebody to notice.
PYTEST = $(BIN)/pytest -n 3 --dist loadfile
# Twelve containers at a time fill two cores, and what such a test counts on the host is the whole host's: nothing beside.
PYTEST_ALONE = $(BIN)/pytest

VENV := .venv
BIN := $(VENV)/bin
PYTHON_VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
# What the environment was made of: another interpreter or other pins make it anew.
MADE_OF := $(PYTHON_VERSION)-$(shell cat pyproject.toml constraints.txt | sha256sum | cut -c1-16)
STAMP := $(VENV)/.made-$(MADE_OF)
# With what tests, style and pages need beside.
DEV_STAMP := $(VENV)/.made-dev-$(MADE_OF)

# $(call install,PACKAGES): from the package sources that this machine has.
define install
{ [ "$$(id -u)" -eq 0 ] || { echo "error: these packages are missing: $(1). Install them, or run make as root." >&2; exit 1; }; \
  command -v apt-get >/dev/null || { echo "error: these packages are missing: $(1), and there is no apt-get here." >&2; exit 1; }; \
  echo "installing: $(1)"; apt-get update -qq; \
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(1) >/dev/null; }
endef

up: $(STAMP)
	@$(BIN)/supafleet up $(if $(FLAVOUR),--flavour $(FLAVOUR)) $(if $(PORT),--port $(PORT)) $(if $(MIRROR),--sandbox-mirror '$(MIRROR)')

down: $(STAMP)
	@$(BIN)/supafleet down $(if $(filter 1,$(PURGE)),--purge --yes)

test: $(DEV_STAMP) test-packages machine-ready lint
# The second half runs whatever became of the first: one visit to a machine tells all that is wrong.
	@failed=0; \
	$(PYTEST) -m "not docker" $(PYTEST_ARGS) || failed=1; \
	$(PYTEST_ALONE) -m docker $(PYTEST_ARGS) || failed=1; \
	exit $$failed

check: $(DEV_STAMP) test-packages lint
	@$(PYTEST) -m "not docker" $(PYTEST_ARGS)

lint: $(DEV_STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/yamllint --strict .
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/ansible-lint --offline

bench: $(DEV_STAMP) test-packages machine-ready
	@$(BIN)/python -m benchmarks

matrix: $(DEV_STAMP) test-packages machine-ready
	@$(BIN)/python -m tests.matrix

docs: $(DEV_STAMP)
	@mkdir -p docs/reference
	@$(BIN)/python -m supafleet.cli.reference docs/reference/cli.md
	@$(BIN)/python -m supafleet.docs roles
	@$(BIN)/python -m supafleet.docs reference

# The pins hold for every supported Python: the file has no markers, and a test looks. The last line leaves out what
# pip-compile says of pip itself.
constraints: $(DEV_STAMP)
	@$(BIN)/pip-compile --quiet --upgrade --extra dev --strip-extras --no-header --annotation-style line \
	  --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options \
	  --output-file constraints.txt pyproject.toml
	@sed -i -e '1i # Exact versions of all that is installed, for Python 3.11 to 3.13. Made by `make constraints`.' \
	  -e '/^$$/,$$d' constraints.txt

# Docker engine and Compose on this machine, by the same playbook that prepares any other host.
machine-ready: $(STAMP)
	@$(BIN)/ansible-playbook -i inventories/local playbooks/host_prepare.yml

test-packages:
	@missing=""; \
	compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing="$$missing postgresql"; \
	command -v node >/dev/null || missing="$$missing nodejs"; \
	command -v npm >/dev/null || missing="$$missing npm"; \
	command -v debootstrap >/dev/null || missing="$$missing debootstrap"; \
	[ -z "$$missing" ] || $(call install,$$missing)

$(STAMP):
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || $(call install,python3 python3-venv)
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo "error: $(PYTHON) is $$($(PYTHON) -V); Python 3.11 to 3.13 is needed: name one with PYTHON=..." >&2; exit 1; }
	@version=$$($(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
	found=$$($(BIN)/python -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || true); \
	[ "$$found" = "$$version" ] || $(PYTHON) -m venv --clear $(VENV)
	@echo "installing the Python packages into $(VENV)"
	@$(BIN)/python -m pip install -qq --no-compile --disable-pip-version-check -c constraints.txt -e .
	@rm -f $(VENV)/.made-*
	@touch $@

$(DEV_STAMP): $(STAMP)
	@echo "installing what the tests need beside"
	@$(BIN)/python -m pip install -qq --no-compile --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@
