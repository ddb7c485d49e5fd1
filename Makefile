# Every target sets up what it needs first, and is quick about it the second time.

VENV := .venv
PYTHON_IN := $(VENV)/bin/python
PINNED := pyproject.toml constraints.txt tools/setup.sh
BENCHMARKS := $(basename $(notdir $(wildcard tests/benchmarks/bench_*.py)))
ARGS ?=
SIDE_BY_SIDE := -n 2 --dist loadfile # two test files at once: most tests wait more than they work

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup demo plugin test test-all lint format bench soak clean

help: ## print the targets
	@echo "make TARGET [ARGS=…]"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r name says; do \
		printf '  %-12s %s\n' "$$name" "$$says"; done
	@for name in $(BENCHMARKS:bench_%=bench-%); do printf '  %-12s %s\n' "$$name" "one of them"; done

$(VENV)/.cuevox-core: $(PINNED)
	@tools/setup.sh core

$(VENV)/.cuevox-dev: $(PINNED)
	@tools/setup.sh dev

$(VENV)/.cuevox-all: $(PINNED)
	@tools/setup.sh all

setup: $(VENV)/.cuevox-core ## make .venv with the light core (no torch), compile the mixer

demo: $(VENV)/.cuevox-core ## speak the example story, play it live over OSC, export it (ARGS=--all: all of it)
	$(VENV)/bin/cuevox demo $(ARGS)

plugin: $(VENV)/.cuevox-core ## build Cuevox Return for DAWs: VST3, CLAP, LV2 (ARGS=windows: for Windows)
	@tools/setup.sh plugin
	$(PYTHON_IN) -m bridge.plugin.build $(ARGS)

test: $(VENV)/.cuevox-dev ## the test suite of the core, a few minutes
	$(PYTHON_IN) -m engine.mixer.compile
	$(PYTHON_IN) -m pytest -m "not extra" $(SIDE_BY_SIDE) $(ARGS)

test-all: $(VENV)/.cuevox-all lint ## lint, types, and every test there is
	$(PYTHON_IN) -m engine.mixer.compile
	$(PYTHON_IN) -m pytest -m "not extra" $(SIDE_BY_SIDE) $(ARGS)
	$(PYTHON_IN) -m pytest -m extra $(SIDE_BY_SIDE) $(ARGS)

lint: $(VENV)/.cuevox-dev ## ruff and mypy --strict
	$(PYTHON_IN) -m ruff check .
	$(PYTHON_IN) -m ruff format --check .
	$(PYTHON_IN) -m mypy

format: $(VENV)/.cuevox-dev ## let ruff write the code's format
	$(PYTHON_IN) -m ruff check --fix .
	$(PYTHON_IN) -m ruff format .

bench: $(BENCHMARKS:bench_%=bench-%) ## all benchmarks, one after the other

bench-%: $(VENV)/.cuevox-all
	$(PYTHON_IN) tests/benchmarks/bench_$*.py $(ARGS)

soak: $(VENV)/.cuevox-all ## a long show with kills: what was lost, what has grown (ARGS="--minutes 30 --block 256" unless said)
	$(PYTHON_IN) tests/benchmarks/soak.py $(ARGS)

clean: ## remove all that these targets made, .venv too
	rm -rf $(VENV) out build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
