# The first two commands of a newcomer: make live, make test. Both set up what they need.
PYTHON ?= python3
# Another torch than the locked one, without hashes: make venv-dev TORCH='torch==2.13.0+cpu'
TORCH ?=
PREFIX ?= /opt/edge-enhance
SOURCE ?= demo:
ARGS ?=
# How many tests at once. A third of the tests' time is waiting, so two cores have work for three.
JOBS ?= 3
PYTEST = .venv-dev/bin/python -m pytest -n $(JOBS) --dist worksteal
# Where this is set, every process that a test starts compiles the program anew: twice its start.
export PYTHONDONTWRITEBYTECODE =
CODE = benchmarks calib edge export firmware_bridge release requirements tests trainer
NUM ?= 1000
SEED ?= 1
MINUTES ?= 60

.DEFAULT_GOAL := help
# What may be mistyped: targets, and variables on the command line.
TARGETS = $(shell sed -n 's/^\([a-z][a-z-]*\):.*/\1/p' Makefile)
VARIABLES = PYTHON TORCH PREFIX SOURCE ARGS JOBS NUM SEED MINUTES SIEGE_MINUTES
SPACE_IN_A_VALUE = $(subst x,,\x) #
GIVEN = $(foreach one,$(subst $(SPACE_IN_A_VALUE),_,$(MAKEOVERRIDES)),$(firstword $(subst =, ,$(one))))
MISTYPED = $(firstword $(filter-out $(VARIABLES),$(GIVEN)))
meant = $(shell $(PYTHON) -m firmware_bridge.command_line '$(1)' $(2))
ifneq ($(MISTYPED),)
  ifneq ($(call meant,$(MISTYPED),$(VARIABLES)),)
    $(error no variable '$(MISTYPED)'$(call meant,$(MISTYPED),$(VARIABLES)))
  endif
endif
.PHONY: help live test test-slow test-all check fuzz fuzz-inputs fuzz-api kill faults siege soak lint types bench results venv venv-dev install wheels lock update sbom dist tensorrt-parts docs links screenshots clean

help:  ## list these commands
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

live: .venv/ready  ## enhance a live source and show it on a web page (SOURCE=camera:/dev/video0, ARGS=...)
	@exec .venv/bin/edge-enhance --live --source '$(SOURCE)' $(ARGS)

test: .venv-dev/ready  ## run the tests that need no GPU and no long time
	$(PYTEST) -m 'not slow'

test-slow: .venv-dev/ready  ## run the tests that take minutes: campaign, container, full-size networks
	$(PYTEST) -m 'slow and not alone'
	.venv-dev/bin/python -m pytest -m alone

test-all:  ## run all tests, the slow ones after the others
	@$(MAKE) --no-print-directory test
	@$(MAKE) --no-print-directory test-slow

check: .venv-dev/ready  ## lint, types and the tests of what you changed: a minute, for your own loop
	@$(MAKE) --no-print-directory lint types
	@tests=$$(.venv-dev/bin/python -m tests.changed) && { [ -z "$$tests" ] || $(PYTEST) -q -m 'not slow' $$tests || [ $$? = 5 ]; }  # 5: all of them are slow

fuzz: fuzz-inputs .venv-dev/ready  ## 510,000 damaged inputs; 10,000,000 random bytes and 1,000,000 mutated serial frames
	FUZZ_SCALE=1 .venv-dev/bin/python -m pytest tests/firmware_bridge/wire/test_frames.py --durations=3

fuzz-inputs: .venv-dev/ready  ## 510,000 damaged configurations, models, engines, calibrations, pictures, HTTP requests and messages
	FUZZ_SCALE=1 .venv-dev/bin/python -m pytest tests/fuzz $(ARGS)

fuzz-api: .venv-dev/ready  ## 98,000 requests by the API's own description and 98,000 of raw bytes, as each role, of its web side and of the whole program
	FUZZ_SCALE=1 $(PYTEST) tests/fuzz/test_openapi.py $(ARGS)

kill: .venv-dev/ready  ## SIGKILL at 200 random moments of what writes: every file found after is complete or absent
	KILLS=200 .venv-dev/bin/python -m pytest -s tests/kill $(ARGS)

faults: .venv-dev/ready  ## break the running program NUM times and watch that it neither lies nor stops (NUM=1000, SEED=1)
	.venv-dev/bin/python -m tests.faults.campaign --num $(NUM) --seed $(SEED) $(ARGS)

siege: .venv-dev/ready  ## a crowd attacks the running program for SIEGE_MINUTES=10: who was there first must not notice (SEED=1)
	.venv-dev/bin/python -m tests.siege.campaign --minutes $(or $(SIEGE_MINUTES),10) --seed $(SEED) $(ARGS)

soak: .venv-dev/ready  ## run at full speed for MINUTES=60 and tell how latency and memory change
	.venv-dev/bin/python -m tests.faults.soak --minutes $(MINUTES) $(ARGS)

lint: .venv-dev/ready  ## style, who may import whom, and nothing newer than Python 3.10
	.venv-dev/bin/ruff check .
	.venv-dev/bin/ruff format --check .
	.venv-dev/bin/lint-imports
	.venv-dev/bin/vermin --target=3.10- --violations --no-tips --eval-annotations --exclude file.encoding --quiet $(CODE)

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

# Everything that is installed is named with its hash in requirements/; what is no wheel is built by what is named there.
locked = $(1)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-build-isolation
itself = PYTHONWARNINGS=ignore $(1)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation

define make-unit
	$(call make-environment,$(1))
	@echo "Installing the runtime and what it needs (no torch): a minute or two"
	@$(call locked,$(1)) -r requirements/build.txt
	@$(call locked,$(1)) -r requirements/unit.txt
	@rm -rf build/lib* build/bdist*  # files of the version before
	@$(call itself,$(1)) $(2)
	@$(1)/bin/python -m pip uninstall --quiet --yes setuptools setuptools-scm vcs-versioning pkgconfig
endef

.venv/ready: pyproject.toml requirements/build.txt requirements/unit.txt
	$(call make-unit,.venv,--editable .)
	@touch $@

install:  ## the unit's environment in PREFIX=/opt/edge-enhance, where a service can use it; again for an update
	@[ ! -e '$(PREFIX)' ] || [ -f '$(PREFIX)/pyvenv.cfg' ] || rmdir '$(PREFIX)' 2>/dev/null || { \
	  echo "PREFIX=$(PREFIX) is there and no environment of Python; name a new folder"; exit 1; }
	@python=$$($(PYTHON) -c 'import os, sys; print(os.path.realpath(sys.executable))'); case $$python in /home/*|/root/*|/tmp/*) \
	  echo "$$python lies where a service cannot see it; for a service: make install PYTHON=/usr/bin/python3";; esac
	$(call make-unit,$(PREFIX),.)

.venv-dev/ready: pyproject.toml $(wildcard requirements/*.txt)
	$(call make-environment,.venv-dev)
	@echo "Installing the runtime, trainer, export and test tools (torch included: this takes minutes)"
	@$(call locked,.venv-dev) -r requirements/build.txt
	@$(call locked,.venv-dev) -r requirements/dev.txt
ifeq ($(TORCH),)
	@$(call locked,.venv-dev) --no-deps -r requirements/torch-cpu.txt 2>/dev/null || \
	  $(call locked,.venv-dev) --no-deps -r requirements/torch.txt -r requirements/torch-cuda.txt  # no wheel without CUDA here
else
	@.venv-dev/bin/python -m pip install --quiet --disable-pip-version-check '$(TORCH)'
endif
	@$(call itself,.venv-dev) --editable .
	@touch $@

wheels:  ## what make venv and make install need, into build/wheels, for a unit of the same kind without internet
	$(call make-environment,build/wheels-venv)
	@$(call locked,build/wheels-venv) -r requirements/build.txt
	@build/wheels-venv/bin/python -m pip download --quiet --require-hashes --no-build-isolation -d build/wheels \
	  -r requirements/build.txt -r requirements/unit.txt

lock:  ## requirements/ again from pyproject.toml; versions that still fit stay
	@$(PYTHON) requirements/lock.py

update:  ## requirements/ again with the newest versions of everything
	@$(PYTHON) requirements/lock.py --upgrade

sbom: .venv/ready .venv-dev/ready  ## what the unit's environment holds (CycloneDX) and its licences' texts, into build/sbom
	@.venv-dev/bin/python requirements/sbom.py .venv/bin/python build/sbom

dist: .venv/ready .venv-dev/ready  ## wheel, sdist, locks, SBOM, licences, notes and SHA256SUMS of the tagged version, into dist/
	@.venv-dev/bin/python -m release .venv/bin/python

.DEFAULT:
	@echo "make: no target '$@'$(or $(call meant,$@,$(TARGETS)),; make help lists them)" >&2; exit 2

docs: .venv-dev/ready  ## the pages as a site with a search, into build/site/index.html
	@NO_MKDOCS_2_WARNING=1 PYTHONPATH=. .venv-dev/bin/python -m mkdocs build --strict --quiet
	@echo "build/site/index.html"

links: .venv-dev/ready  ## ask every address that the pages link to whether it is there (needs the internet)
	@.venv-dev/bin/python -m tests.docs.links

screenshots: .venv-dev/ready  ## take the pictures of the page anew, from the demo, by Chromium, into docs/images
	@.venv-dev/bin/python -m tests.docs.screenshots docs/images

clean:  ## remove both environments and caches
	rm -rf .venv .venv-dev build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	find . -name __pycache__ -prune -exec rm -rf {} +
