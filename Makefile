# The first two commands of a newcomer: make live, make test. Both set up what they need.
PYTHON ?= python3
TORCH ?= torch==2.13.0
SOURCE ?= demo:
ARGS ?=
# How many tests at once. A third of the tests' time is waiting, so two cores have work for three.
JOBS ?= 3
PYTEST = .venv-dev/bin/python -m pytest -n $(JOBS) --dist worksteal
# Where this is set, every process that a test starts compiles the program anew: twice its start.
export PYTHONDONTWRITEBYTECODE =
NUM ?= 1000
SEED ?= 1
MINUTES ?= 60

.DEFAULT_GOAL := help
.PHONY: help live test test-slow test-all check fuzz fuzz-inputs kill faults siege soak lint types bench results venv venv-dev tensorrt-parts clean

help:  ## list these commands
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

live: .venv/ready  ## enhance a live source and show it on a web page (SOURCE=camera:/dev/video0, ARGS=...)
	@exec .venv/bin/edge-enhance --live --source '$(SOURCE)' $(ARGS)

test: .venv-dev/ready  ## run the tests that need no GPU and no long time
	$(PYTEST) -m 'not slow'

test-slow: .venv-dev/ready  ## run the tests that take minutes: campaign, container, full-size networks
	$(PYTEST) -m slow

test-all:  ## run all tests, the slow ones after the others
	@$(MAKE) --no-print-directory test
	@$(MAKE) --no-print-directory test-slow

check: .venv-dev/ready  ## lint, types and the tests of what you changed: a minute, for your own loop
	@$(MAKE) --no-print-directory lint types
	@tests=$$(.venv-dev/bin/python -m tests.changed) && { [ -z "$$tests" ] || $(PYTEST) -q -m 'not slow' $$tests || [ $$? = 5 ]; }  # 5: all of them are slow

fuzz: fuzz-inputs .venv-dev/ready  ## 280,000 damaged inputs; 10,000,000 random bytes and 1,000,000 mutated serial frames
	FUZZ_SCALE=1 .venv-dev/bin/python -m pytest tests/firmware_bridge/wire/test_frames.py --durations=3

fuzz-inputs: .venv-dev/ready  ## 280,000 damaged configurations, models, engines, calibrations, pictures and HTTP requests
	FUZZ_SCALE=1 .venv-dev/bin/python -m pytest tests/fuzz $(ARGS)

kill: .venv-dev/ready  ## SIGKILL at 200 random moments of what writes: every file found after is complete or absent
	KILLS=200 .venv-dev/bin/python -m pytest -s tests/kill $(ARGS)

faults: .venv-dev/ready  ## break the running program NUM times and watch that it neither lies nor stops (NUM=1000, SEED=1)
	.venv-dev/bin/python -m tests.faults.campaign --num $(NUM) --seed $(SEED) $(ARGS)

siege: .venv-dev/ready  ## a crowd attacks the running program for MINUTES=10: who was there first must not notice (SEED=1)
	.venv-dev/bin/python -m tests.siege.campaign --minutes $(or $(SIEGE_MINUTES),10) --seed $(SEED) $(ARGS)

soak: .venv-dev/ready  ## run at full speed for MINUTES=60 and tell how latency and memory change
	.venv-dev/bin/python -m tests.faults.soak --minutes $(MINUTES) $(ARGS)

lint: .venv-dev/ready  ## style, and who may import whom
	.venv-dev/bin/ruff check .
	.venv-dev/bin/ruff format --check .
	.venv-dev/bin/lint-imports

types: .venv-dev/ready  ## strict types of the unit's packages
	.venv-dev/bin/mypy

bench: .venv-dev/ready  ## measure speed and memory side by side; figures go to docs/results.md
	.venv-dev/bin/python -m benchmarks $(ARGS)

tensorrt-parts: .venv-dev/ready  ## fetch and build what tests of the TensorRT path need (240 MB; a minute or two)
	.venv-dev/bin/python tests/doubles/tensorrt_parts.py build/tensorrt-parts

venv: .venv/ready  ## set up the unit's environment alone
venv-dev: .venv-dev/ready  ## set up the developer's environment alone

define make-environment
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
	  echo "edge-enhance needs Python 3.10 or newer; $(PYTHON) is $$($(PYTHON) -V 2>&1). Name another: make PYTHON=python3.11"; exit 1; }
	@echo "Making $(1)/ (a virtual environment; nothing outside this folder changes)"
	@$(PYTHON) -m venv --clear $(1) >/dev/null 2>&1 || { rm -rf $(1); \
	  echo "$(PYTHON) cannot make a virtual environment. On Debian and Ubuntu: sudo apt-get install python3-venv"; exit 1; }
endef

.venv/ready: pyproject.toml
	$(call make-environment,.venv)
	@echo "Installing the runtime and what it needs (no torch)"
	@.venv/bin/pip install --quiet --disable-pip-version-check --editable .
	@touch $@

.venv-dev/ready: pyproject.toml
	$(call make-environment,.venv-dev)
	@echo "Installing the runtime, trainer, export and test tools (torch included: this takes minutes)"
	@.venv-dev/bin/pip install --quiet --disable-pip-version-check '$(TORCH)' --editable '.[dev]'
	@touch $@

clean:  ## remove both environments and caches
	rm -rf .venv .venv-dev build *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	find . -name __pycache__ -prune -exec rm -rf {} +
