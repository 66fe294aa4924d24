# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Each target does its own set-up: a fresh Debian machine with make, git and Python 3.11+ needs nothing else.

.PHONY: help demo test unit integration lanes molecule lint gates docs clean
.DEFAULT_GOAL := help

PYTEST := .venv/bin/python -m pytest -q
export PATH := $(CURDIR)/.venv/bin:$(PATH)

help:
	@echo 'make demo    two simulated VRP devices and two Linux hosts: configure, converge, verify, clean up'
	@echo 'make test    lint, units, integration over SSH and in network namespaces, all ansible-core lanes, Molecule'
	@echo 'make virtual-machine: the engine steers the clock of an emulated machine (a quarter of an hour; not part of make test)'
	@echo 'make execution-environment: the image for AWX, built with podman, and jobs in it (four minutes; not part of make test)'
	@echo 'make bench-engine-clock: the same beside chronyd, with figures (25 minutes)'
	@echo 'make mutants deliberate mistakes in plugins/ and the engine, each of which a test has to notice (ten minutes)'
	@echo 'make quality a report: coverage of lines and branches, complexity, length, duplicates, mutants'
	@echo 'make fuzz INPUTS=1000000: coverage-guided fuzzing of whatever comes from outside'
	@echo 'make gates   lint, ansible-test sanity, galaxy-importer, build, offline install'
	@echo 'make build   the tarball of the commit in .build/dist, with SHA256SUMS and a bill of materials; make sign KEY=... signs them'
	@echo 'make bench-fleet DEVICES=1000 LATENCY_MS=0, make bench-parser: how fast it is, beside what people use instead'
	@echo 'make bench-vrp-stalls RUNS=1000: runs side by side on devices that fall silent in the middle of their texts'
	@echo 'make docs    the documentation as a site, in .build/docs/html; needs no network once it is set up'
	@echo 'make eda     the rulebook on a real ansible-rulebook (needs Java 17)'
	@echo 'make clean   remove what the targets made in the tree (make clean-lab: the lab hosts too)'

.PHONY: setup
setup:
	@tests/tools/setup apt main

demo: setup
	@tests/demo/demo

lint: setup
	@tests/tools/lint

unit: setup
	@tests/tools/setup judges ci
	@tests/tools/setup judges-ansible || echo 'LEFT OUT: ce_config and ce_command, which could not be installed'
	@tests/tools/setup fuzz || echo 'LEFT OUT: coverage-guided fuzzing, since atheris could not be installed'
	$(PYTEST) -n 2 tests/unit

integration: setup
	@tests/tools/setup browser || echo 'LEFT OUT: report pages in a browser, which could not be installed'
	$(PYTEST) tests/integration

.PHONY: interop bench-engine-accuracy bench-engine-load bench-engine-simulation bench-engine-ablation bench-engine-fuzz
.PHONY: virtual-machine bench-engine-clock
interop: setup
	$(PYTEST) tests/interop

# CONDITION: quiet, busy, jitter, or several of them in quotes.
CONDITION ?= quiet
SECONDS ?= 420
bench-engine-accuracy: setup
	.venv/bin/python tests/benchmarks/engine_accuracy.py $(CONDITION) --seconds $(SECONDS)

bench-engine-load: setup
	.venv/bin/python tests/benchmarks/engine_load.py

bench-engine-simulation: setup
	.venv/bin/python tests/benchmarks/engine_simulation.py

bench-engine-ablation: setup
	.venv/bin/python tests/benchmarks/engine_ablation.py

# A guest with a clock of its own, under qemu: this machine's clock is watched, and never touched.
virtual-machine: setup
	@tests/tools/setup virtual_machine
	tests/testbed/clock_guard run $(PYTEST) tests/virtual_machine

.PHONY: execution-environment
execution-environment: setup
	@tests/tools/setup execution_environment ci
	@tests/tools/execution_environment

bench-engine-clock: setup
	@tests/tools/setup virtual_machine
	tests/testbed/clock_guard run .venv/bin/python tests/benchmarks/engine_clock_control.py

bench-engine-fuzz: setup
	.venv/bin/python tests/benchmarks/engine_fuzz.py --inputs 1000000

# The same targets and the texts of devices, with inputs that are made after what they reach.
INPUTS ?= 1000000
.PHONY: fuzz quality
fuzz: setup
	@tests/tools/setup fuzz
	.venv-fuzz/bin/python tests/benchmarks/guided_fuzz.py --inputs $(INPUTS)

# What the code is like, as a report: coverage, complexity, duplicates, then the mutants. Twenty minutes.
quality: setup
	@tests/tools/setup quality
	@tests/tools/quality

# Deliberate mistakes, each of which a test has to notice. Takes ten minutes; names the survivors.
.PHONY: mutants
mutants: setup
	PYTHONPATH=tests .venv/bin/python -m mutants

# The rulebook on a real ansible-rulebook: a rule engine in Java.
.PHONY: eda
eda: setup
	@tests/tools/setup eda
	$(PYTEST) tests/integration/monitoring

lanes: setup
	@tests/tools/setup lanes
	@tests/tools/lanes

molecule: setup
	@tests/tools/molecule

test: setup
	@tests/tools/test

docs:
	@tests/tools/setup docs
	@.venv-docs/bin/python tests/tools/docs

gates: setup docs
	@tests/tools/setup lanes importer quality
	@tests/tools/lint
	@tests/tools/gates

# The tarball of the commit, the same in every folder, with its checksums and its bill of materials.
.PHONY: build sign
build: setup
	@.venv/bin/python tests/tools/build

# KEY: the fingerprint of the releaser's key.
sign:
	@tests/tools/sign $(KEY)

# Not part of any test: benchmarks take minutes and want the machine for themselves.
.PHONY: bench-fleet bench-fleet-growth bench-fleet-profile bench-parser bench-vrp-stalls bench-report-page
DEVICES ?= 1000
LATENCY_MS ?= 0
SESSIONS ?= 10
OTHERS ?= 20

bench-fleet: setup
	@tests/tools/setup bench
	@PYTHONPATH=tests/benchmarks .venv/bin/python -m fleet --devices $(DEVICES) --latency $(LATENCY_MS) --sessions $(SESSIONS) --others $(OTHERS) $(if $(GUIDE),--guide $(GUIDE))

bench-fleet-growth: setup
	@tests/tools/setup bench
	@PYTHONPATH=tests/benchmarks .venv/bin/python -m fleet.growth

bench-fleet-profile: setup
	@tests/tools/setup bench
	@PYTHONPATH=tests/benchmarks .venv/bin/python -m fleet.areas

RUNS ?= 1000
bench-vrp-stalls: setup
	@.venv/bin/python tests/benchmarks/vrp_stalls.py --runs $(RUNS)

bench-report-page: setup
	@tests/tools/setup browser
	@PYTHONPATH=tests:.build/collections .venv/bin/python tests/benchmarks/report_page.py

.PHONY: report-pictures
report-pictures: setup
	@tests/tools/setup browser
	@tests/tools/report_pictures

bench-parser: setup
	@tests/tools/setup bench
	@PYTHONPATH=tests/benchmarks .venv/bin/python tests/benchmarks/parser/__main__.py

.PHONY: clean clean-lab
clean-lab:
	tests/testbed/lab clean

clean:
	rm -rf .build .venv .venv-core-2.16 .venv-core-newest .venv-judges .venv-judges-ansible .venv-importer .venv-quality .venv-fuzz .venv-ci .venv-eda .venv-bench .venv-docs .mypy_cache .ruff_cache .pytest_cache
