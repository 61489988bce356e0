# Everything on a fresh machine with Python 3.11+: `make demo` and `make test` do all set-up themselves.
PYTHON     ?= python3
VENV       ?= .venv
BIN        := $(VENV)/bin
PIP        := $(BIN)/python -m pip --disable-pip-version-check install -qq --constraint constraints.txt
TRAIN_ARGS ?=
SAMPLE_ARGS ?=
ATTACK_ARGS ?=
LOAD_ARGS  ?=
TEST_ARGS  ?=
# Files of tests side by side, each file in one process; more than four would fight over ports and memory.
TEST_PROCESSES ?= $(shell n=$$(nproc 2>/dev/null || echo 2); test $$n -gt 4 && echo 4 || echo $$n)
CRASH_ARGS ?=

.PHONY: help demo test check bench attack load crash sweep fuzz train samples peers docs site integrations models wheel sbom clean

help:
	@echo "make demo     a node, sample studies over a real association, results in build/demo"
	@echo "make test     ruff, mypy, import-linter, pytest; installs Orthanc, dcmtk and the other peers where it can"
	@echo "make check    ruff, mypy and import-linter alone"
	@echo "make bench    figures to build/bench.json"
	@echo "make attack   hostile peers against a running node, figures to build/attack.json"
	@echo "make load     several senders at once, everything delivered once, figures to build/load.json"
	@echo "make crash    hundreds of kills at every stage, figures to build/crash.json (CRASH_ARGS=...)"
	@echo "make sweep    sentinels through the whole node path, figures to build/sweep.json"
	@echo "make fuzz     10,000 mutated headers, and what the suite tries in part: names, odd values"
	@echo "make integrations  twenty studies through a real Orthanc with each plugin, killed in between"
	@echo "make models   a demonstration with a tiny random model of every family"
	@echo "make docs     the pages of docs/ that are made from the code"
	@echo "make site     the documentation as a site in build/site, readable without a network"
	@echo "make wheel    a wheel in build/dist, tried in an environment of its own without the source tree"
	@echo "make sbom     what the node is made of and under which licences, to build/sbom"
	@echo "make train    the embedded model, from rendered patients (TRAIN_ARGS=...)"
	@echo "make samples  sample_data/studies, rendered again (SAMPLE_ARGS=\"--assets FOLDER\")"

demo: $(VENV)/.runtime
	$(BIN)/twinveil demo --out build/demo

test: check peers
	$(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder $(TEST_ARGS)

check: $(VENV)/.development
	$(BIN)/python -m ruff check .
	$(BIN)/python -m mypy
	$(BIN)/lint-imports

bench: $(VENV)/.development build/bench-venv/.installed
	$(BIN)/python -m scripts.bench --out build/bench.json --others build/bench-venv/bin/python

build/bench-venv/.installed: scripts/bench_requirements.txt
	$(PYTHON) -m venv build/bench-venv
	build/bench-venv/bin/python -m pip --disable-pip-version-check install -qq --requirement scripts/bench_requirements.txt
	@touch $@

attack: $(VENV)/.development
	$(BIN)/python -m tests.attack --out build/attack.json $(ATTACK_ARGS)

load: $(VENV)/.development
	$(BIN)/python -m tests.load --out build/load.json $(LOAD_ARGS)

crash: $(VENV)/.development
	$(BIN)/python -m tests.crash.campaign --out build/crash.json $(CRASH_ARGS)

sweep: $(VENV)/.runtime
	$(BIN)/twinveil sweep --out build/sweep.json

fuzz: $(VENV)/.development
	$(BIN)/python -m pytest tests/dicom_io -m "fuzz or many"

integrations: $(VENV)/.development peers
	$(BIN)/python -m pytest tests/peers/test_integrations.py -m many

models: $(VENV)/.development
	$(BIN)/python -m pytest tests/plugin/commands/test_larger_models.py -m "many or slow"

docs: $(VENV)/.development
	$(BIN)/python -m scripts.write_docs

site: $(VENV)/.development
	$(BIN)/python -m mkdocs build --strict

# Built and tried outside of the tree, so that nothing of it can be imported by chance. PIP_ARGS: for the second environment.
wheel: $(VENV)/.runtime
	rm -rf build/dist build/wheel-trial
	$(BIN)/python -m pip --disable-pip-version-check wheel -q --no-deps --wheel-dir build/dist .
	$(PYTHON) -m venv build/wheel-trial/venv
	build/wheel-trial/venv/bin/python -m pip --disable-pip-version-check install -q --constraint constraints.txt $(PIP_ARGS) build/dist/*.whl
	cd build/wheel-trial && env -u PYTHONPATH venv/bin/twinveil demo --out demo

# In an environment of its own: what these tools need is no part of the node.
sbom: $(VENV)/.runtime
	$(PYTHON) -m venv build/sbom/venv
	build/sbom/venv/bin/python -m pip --disable-pip-version-check install -q --requirement scripts/sbom_requirements.txt
	build/sbom/venv/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible --output-format JSON --output-file build/sbom/sbom.json $(BIN)/python
	build/sbom/venv/bin/pip-licenses --python $(BIN)/python --with-urls --order license --format markdown --output-file build/sbom/licences.md

# Two networks, one for each edit; the second begins with what the first has learned to see.
WEIGHTS := pipeline/models/embedded_weights
train: $(VENV)/.development
	$(BIN)/twinveil train heal $(TRAIN_ARGS)
	$(BIN)/twinveil train swap --begin-with $(WEIGHTS)/heal.safetensors $(TRAIN_ARGS)

samples: $(VENV)/.development
	$(BIN)/python -m sample_data.make_samples $(SAMPLE_ARGS)

peers:
	@sh scripts/install_peers.sh

# The stamps make a second run quick; a changed requirement or pin installs again.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Twinveil needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) --editable .
	@touch $@

$(VENV)/.development: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) --editable '.[test]'
	@touch $@ $(VENV)/.runtime

clean:
	rm -rf build $(VENV) *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
