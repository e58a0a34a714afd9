# Two commands are the whole front door: make demo, make test. `make help` lists the rest.
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt
# On few cores, threads that spin while they wait cost more than the work itself.
export OMP_WAIT_POLICY ?= passive

.DEFAULT_GOAL := help
.PHONY: help demo release-model bench test check install nb-model clean

help:  ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

demo: $(VENV)/.demo  ## Install, train on the statements shipped here, log to MLflow, score a sample
	$(BIN)/hatespeech-no train configs/demo.yaml
	$(BIN)/hatespeech-no score data/sample/comments.csv runs/comments-scored.csv --publicity public --overwrite
	@echo "See the run in a browser with:  $(BIN)/hatespeech-no ui"

release-model: $(VENV)/.dev  ## Train the model that the package carries; an hour per seed, needs the corpora (data fetch)
	$(BIN)/hatespeech-no train configs/release.yaml
	$(BIN)/hatespeech-no release configs/release.yaml "$$(ls -d runs/release-* | tail -n 1)" src/hatespeech_no/released

bench: $(VENV)/.dev  ## Measure throughput, start-up and memory of every engine; needs the corpora (data fetch)
	$(BIN)/python experiments/throughput/run.py runs/tools

test: check  ## Install and run every check and test
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

check: $(VENV)/.dev  ## Style, types and the one-way arrows between packages
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

install: $(VENV)/.dev  ## Install for development, with the pre-commit hooks
	$(BIN)/pre-commit install

nb-model: $(VENV)/.demo  ## Fetch the official Norwegian spaCy pipeline (optional)
	$(PIP) https://github.com/explosion/spacy-models/releases/download/nb_core_news_sm-3.8.0/nb_core_news_sm-3.8.0-py3-none-any.whl

clean:  ## Remove the virtual environment and caches; runs/ stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/.demo: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) -e '.[train,tracking]'
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) -e '.[dev]'
	@touch $@ $(VENV)/.demo
