# Everything needs Python >= 3.11 and PyPI; only the tests with servers need more. `make help` lists the targets.

PYTHON ?= python3
VENV ?= .venv
# What `make bench` compares with, in a virtual environment of its own.
BENCH_VENV ?= .cache/kapitan
KAPITAN ?= kapitan==0.36.3
# What `make bench-service` compares with, in two more, with the numpy, onnxruntime and Pillow of this one.
MLSERVER_VENV ?= .cache/mlserver
MLSERVER ?= mlserver==1.7.1
BENTOML_VENV ?= .cache/bentoml
BENTOML ?= bentoml==1.4.39
# More arguments, as in: make test PYTEST_ARGS="-n 4 -k law"
PYTEST_ARGS ?=
BENCH_ARGS ?=
# More arguments of `medpattern run`, as in: make run RUN_ARGS="--keep-open"
RUN_ARGS ?=
RENDERED ?= rendered

RUN := "$(VENV)/bin/python"
CODE := src tests .ci

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo run test test-train test-real test-cluster faults lint format docs bench bench-service clean python

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 24

demo: $(VENV)/.installed ## install, render the fleet of values/ and print what each cluster gets
	@$(RUN) -m medpattern render --out "$(RENDERED)"
	@echo
	@echo "Applications: cluster, sync wave, application, namespace, project, chart, version"
	@$(RUN) -m medpattern list apps
	@echo
	@echo "Where it lies:"
	@for cluster in "$(RENDERED)"/*/; do \
	    echo "  $$cluster  $$(find "$$cluster" -type f | wc -l | tr -d ' ') files"; done
	@echo
	@echo "Next: . $(VENV)/bin/activate; medpattern explain hospital-1 kafka topics.xray-images.partitions"

run: $(VENV)/.installed-run ## install the pipeline and run it on this machine with 200 films
	@$(RUN) -m medpattern run --count 200 $(RUN_ARGS)

test: $(VENV)/.installed-dev ## run the tests
	$(RUN) -m pytest $(PYTEST_ARGS)

test-train: $(VENV)/.installed-train ## install PyTorch (5 GB on Linux) and run the tests of the training
	MEDPATTERN_REQUIRE_TORCH=1 $(RUN) -m pytest tests/training $(PYTEST_ARGS)

test-real: $(VENV)/.installed-dev ## install real servers (Debian, as root) and run the tests that need them
	.ci/install_real.sh
	MEDPATTERN_REQUIRE_REAL=1 $(RUN) -m pytest tests/real $(PYTEST_ARGS)

test-cluster: $(VENV)/.installed-dev ## build a Kubernetes API server (Go) and run the tests that need it
	.ci/install_cluster.sh
	MEDPATTERN_REQUIRE_CLUSTER=1 $(RUN) -m pytest tests/live $(PYTEST_ARGS)

faults: $(VENV)/.installed-dev ## break the chain on real servers and write the table of docs/faults.md
	.ci/install_real.sh
	MEDPATTERN_REQUIRE_REAL=1 MEDPATTERN_FAULT_TABLE=docs/faults.md $(RUN) -m pytest tests/real/chain/test_faults.py $(PYTEST_ARGS)

image: | $(VENV)/bin/python ## build the container image and its SBOM (Debian, as root)
	PYTHON=$(RUN) .ci/image.sh

lint: $(VENV)/.installed-dev ## ruff, mypy --strict and the import contracts
	$(RUN) -m ruff check $(CODE)
	$(RUN) -m ruff format --check $(CODE)
	$(RUN) -m mypy --strict
	"$(VENV)/bin/lint-imports"

format: $(VENV)/.installed-dev ## let ruff repair and format the code
	$(RUN) -m ruff check --fix $(CODE)
	$(RUN) -m ruff format $(CODE)

docs: $(VENV)/.installed-dev ## write the generated documentation again
	$(RUN) .ci/docs.py
	$(RUN) -m medpattern model card

bench: $(VENV)/.installed-dev $(BENCH_VENV)/.installed ## compare the cost of rendering with kapitan and Helm
	$(RUN) -m tests.benchmarks.render --kapitan "$(BENCH_VENV)/bin/kapitan" $(BENCH_ARGS)

bench-service: $(VENV)/.installed-dev $(MLSERVER_VENV)/.installed $(BENTOML_VENV)/.installed ## compare the service with a bare loop, MLServer and BentoML
	$(RUN) -m tests.benchmarks.service --mlserver "$(MLSERVER_VENV)/bin/python" --bentoml "$(BENTOML_VENV)/bin/python" \
	    $(BENCH_ARGS)

clean: ## remove what the other targets made
	rm -rf "$(VENV)" .cache "$(RENDERED)" dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +

python:
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	    echo "medpattern needs Python 3.11 or later, and '$(PYTHON)' is none." >&2; \
	    echo "Name one: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }

$(VENV)/bin/python: | python
	"$(PYTHON)" -m venv "$(VENV)"

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	$(RUN) -m pip install --quiet --disable-pip-version-check --editable .
	@touch "$@"

$(VENV)/.installed-run: pyproject.toml | $(VENV)/bin/python
	$(RUN) -m pip install --quiet --disable-pip-version-check --editable '.[run]'
	@touch "$(VENV)/.installed" "$@"

$(VENV)/.installed-dev: pyproject.toml | $(VENV)/bin/python
	$(RUN) -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch "$(VENV)/.installed" "$(VENV)/.installed-run" "$@"

# A PyTorch that is there already, such as one without CUDA, stays if it is recent enough.
$(VENV)/.installed-train: pyproject.toml | $(VENV)/bin/python
	$(RUN) -m pip install --quiet --disable-pip-version-check --editable '.[dev,train]'
	@touch "$(VENV)/.installed" "$(VENV)/.installed-run" "$(VENV)/.installed-dev" "$@"

$(BENCH_VENV)/.installed: | python
	"$(PYTHON)" -m venv "$(BENCH_VENV)"
	"$(BENCH_VENV)/bin/python" -m pip install --quiet --disable-pip-version-check '$(KAPITAN)'
	@touch "$@"

# uvicorn, on which both run, is faster with httptools and uvloop; medpattern has them too.
define install_server
"$(PYTHON)" -m venv "$(1)"
$(RUN) -m pip freeze | grep -iE '^(numpy|onnxruntime|pillow|httptools|uvloop)==' >"$(1)/pins.txt"
"$(1)/bin/python" -m pip install --quiet --disable-pip-version-check '$(2)' --requirement "$(1)/pins.txt"
@touch "$@"
endef

$(MLSERVER_VENV)/.installed: $(VENV)/.installed-dev
	$(call install_server,$(MLSERVER_VENV),$(MLSERVER))

$(BENTOML_VENV)/.installed: $(VENV)/.installed-dev
	$(call install_server,$(BENTOML_VENV),$(BENTOML))
