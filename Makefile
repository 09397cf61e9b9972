# Every command of lrlab. `make demo` and `make test` need nothing but Python 3.11 or newer; neither needs root.
PYTHON ?= python3
VENV ?= .venv
PYTEST_ARGS ?=

SHELL := bash
MAKEFLAGS += --no-print-directory
BIN := $(VENV)/bin
# Pip installs the tested versions, briefly: large downloads, the last step and errors are shown, the log has the rest.
PIP := $(BIN)/python -m pip --disable-pip-version-check --log $(VENV)/pip.log
BRIEFLY := sed -n -e 's/^ *\(Downloading .*[0-9][0-9] MB\).*/  \1)/p' -e 's/^\(Installing\) .*/  \1/p' -e '/^ERROR/p'
INSTALL = set -o pipefail; $(PIP) install --progress-bar off --constraint constraints.txt $(1) 2>&1 | $(BRIEFLY) \
  || { echo "lrlab: pip has failed; $(VENV)/pip.log tells more" >&2; exit 1; }
INSTALL_THERE = set -o pipefail; $(FRAMEWORKS)/bin/python -m pip --disable-pip-version-check --log $(FRAMEWORKS)/pip.log \
  install --progress-bar off --constraint constraints-frameworks.txt $(1) 2>&1 | $(BRIEFLY) \
  || { echo "lrlab: pip has failed; $(FRAMEWORKS)/pip.log tells more" >&2; exit 1; }
comma := ,
# These have an environment of their own: torchvision needs another PyTorch, and Ultralytics' licence (AGPL-3.0) is not lrlab's.
FRAMEWORKS := $(VENV)-frameworks
FRAMEWORK_PACKAGES := torch torchvision ultralytics optax keras timm lightning
CLI_PAGE := lrlab.cli.main utils docs --name lrlab --title Commands

.DEFAULT_GOAL := help
.PHONY: help demo test setup system hooks check pages screenshots frameworks bare examples all bench clean

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/.demo ## Install lrlab into .venv and run its demo
	@$(BIN)/lrlab demo

test: $(VENV)/.test ## Install the test tools too and run the tests; what cannot run here is skipped by name
	@$(BIN)/python -m pytest $(PYTEST_ARGS)

setup: $(VENV)/.dev system $(FRAMEWORKS)/.installed hooks ## Install everything that a developer needs

check: $(VENV)/.dev ## Format, lint, types, arrows between the rooms, generated pages
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@mkdir -p build && $(BIN)/typer $(CLI_PAGE) --output build/cli.md > /dev/null
	@diff -u docs/cli.md build/cli.md || { echo "docs/cli.md is old: run make pages" >&2; exit 1; }

pages: $(VENV)/.demo ## Write the generated pages anew
	@$(BIN)/typer $(CLI_PAGE) --output docs/cli.md

screenshots: $(VENV)/.dev ## Take the pictures of the page anew; all of them go to build/screenshots
	@$(BIN)/python -m docs.screenshots

frameworks: $(FRAMEWORKS)/.installed ## Exported schedules in the frameworks themselves
	@LRLAB_NO_SKIP=1 KERAS_BACKEND=torch $(FRAMEWORKS)/bin/python -m pytest tests/adapters/test_schedule_frameworks.py

bare: $(VENV)/.dev ## The built wheel, alone in an empty environment
	@$(BIN)/python .ci/bare.py

examples: $(VENV)/.demo ## Run every example
	@set -e; work=$$(mktemp -d); trap 'rm -rf "$$work"' EXIT; export LRLAB_STORE="$$work/studies"; \
	for file in examples/*.py; do echo "== $$file"; (cd "$$work" && "$(abspath $(BIN))/python" "$(CURDIR)/$$file"); done

all: ## Everything, and a test that is skipped is a failure
	@$(MAKE) check
	@LRLAB_NO_SKIP=1 $(MAKE) test
	@$(MAKE) frameworks
	@$(MAKE) bare
	@$(MAKE) examples

bench: $(VENV)/.demo ## Measure what the README claims
	@set -e; for name in searchers robustness arms first_answer own_data sentiment scripts schedules schedule_speed overhead \
	  memory store page page_browser watch answers generalisation diagnosis diagnosis_schedules layers prove yolo yolo_cells; do \
	  echo "== python -m benchmarks.$$name"; $(BIN)/python -m benchmarks.$$name; done

clean: ## Remove what was built and cached; .venv stays
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

# What is installed, a stamp each: a stamp older than the files that it depends on is made anew.
$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "lrlab needs Python 3.11 or newer; $(PYTHON) is not. Name one: make PYTHON=python3.12" >&2; exit 1; }
	@echo "lrlab: creating $(VENV)"
	@$(PYTHON) -m venv $(VENV) \
	  || { echo "lrlab: $(PYTHON) cannot create $(VENV). On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@$(call INSTALL,'pip>=25.1')
	@touch $@

$(VENV)/.demo: $(VENV)/.created pyproject.toml constraints.txt
	@echo "lrlab: installing with PyTorch, plots, the page and the demo's data (a few minutes, once)"
	@$(call INSTALL,--editable '.[torch$(comma)plot$(comma)demo$(comma)web]')
	@touch $@

$(VENV)/.test: $(VENV)/.demo
	@echo "lrlab: installing the test tools"
	@$(call INSTALL,--group test)
	@touch $@

$(VENV)/.dev: $(VENV)/.test
	@echo "lrlab: installing the developers' tools"
	@$(call INSTALL,--editable '.[all$(comma)huggingface$(comma)lr-free]' --group dev)
	@touch $@

$(FRAMEWORKS)/.installed: $(VENV)/.dev constraints-frameworks.txt
	@echo "lrlab: installing YOLO and what schedules are exported to into $(FRAMEWORKS) (a few gigabytes, once)"
	@$(PYTHON) -m venv $(FRAMEWORKS)
	@$(call INSTALL_THERE,'pip>=25.1')
	@$(call INSTALL_THERE,$(FRAMEWORK_PACKAGES) --editable . --group test)
	@ln -sfn "$(abspath $(FRAMEWORKS))/bin/yolo" $(BIN)/yolo
	@touch $@

# The report's tests look at it in a browser; OpenCV, which Ultralytics loads, needs libGL and glib.
system:
	@if ldconfig -p 2> /dev/null | grep -q libGL.so.1 && ldconfig -p | grep -q libgthread-2.0.so.0; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null; then \
	  echo "lrlab: installing libgl1 and libglib2.0-0"; \
	  export DEBIAN_FRONTEND=noninteractive; \
	  apt-get update --quiet=2 && apt-get install --yes --quiet=2 --no-install-recommends libgl1 libglib2.0-0 > /dev/null; \
	else echo "lrlab: YOLO needs libGL and glib. Install them: sudo apt-get install libgl1 libglib2.0-0" >&2; fi
	@if command -v chromium chromium-browser google-chrome > /dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null; then \
	  echo "lrlab: installing chromium"; \
	  export DEBIAN_FRONTEND=noninteractive; \
	  apt-get update --quiet=2 && apt-get install --yes --quiet=2 --no-install-recommends chromium > /dev/null; \
	else echo "lrlab: no chromium here, so the browser tests cannot run. Install it: sudo apt-get install chromium" >&2; fi

hooks: $(VENV)/.dev
	@if ! git rev-parse --git-dir > /dev/null 2>&1; then echo "lrlab: no git checkout, so no commit hook"; \
	elif git config core.hooksPath > /dev/null; then echo "lrlab: git has a core.hooksPath, so no commit hook"; \
	else $(BIN)/pre-commit install; fi
