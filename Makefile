# Every target sets up what it needs. `make` alone lists them.
PYTHON ?= python3
DEMO_SECONDS ?= 60
export DEMO_SECONDS

venv := .venv
python := $(venv)/bin/python
install := $(python) -m pip install --quiet --disable-pip-version-check --require-hashes

.DEFAULT_GOAL := help
.PHONY: help demo up down test test-all check format bench truth cost figures dashboards lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(venv)/demo ## Run the lab for DEMO_SECONDS (60; 0 is until Ctrl-C) with TWIN's errors; report in reports/demo
	@$(python) -m loadtest.demo

up: ## Bring the lab up on a stage, under Docker Compose, with Grafana; .env.example names the knobs
	@$(PYTHON) -m loadtest.stage up

down: ## End what `make up` began; Locust's report stays in reports/compose
	@$(PYTHON) -m loadtest.stage down

test: $(venv)/dev ## Run the tests but the slow ones, and measure coverage; TESTS="tests/probe …" for a part
	@$(python) -m pytest --numprocesses 2 --dist loadfile -m "not slow" $(if $(TESTS),$(TESTS),--cov)

test-all: $(venv)/dev ## Run the slow tests too: other Pythons, the wheel, real servers and browsers
	@$(python) -m pytest --numprocesses 2 --dist loadfile $(if $(TESTS),$(TESTS),--cov)

check: $(venv)/dev ## Check style and types, without changing anything
	@$(python) -m ruff check
	@$(python) -m ruff format --check
	@$(python) -m mypy

format: $(venv)/dev ## Format the code
	@$(python) -m ruff format
	@$(python) -m ruff check --fix

bench: $(venv)/dev ## Measure what the instruments cost; takes about eight minutes, leaves reports/bench.json
	@$(python) -m loadtest.bench

truth: $(venv)/demo ## Hold every twin to its word on each Python (PYTHONS="python3.12 …") and on two Starlettes; TWIN=… for one
	@$(python) -m loadtest.truth

cost: $(venv)/demo ## Measure what a request costs after many, reused and fresh; two minutes, leaves reports/cost.png
	@$(python) -m loadtest.cost

figures: $(venv)/demo ## Repeat the first article's experiment; table and pictures for slides in reports/article
	@$(python) -m loadtest.article

dashboards: $(venv)/dev ## Write grafana/dashboards/*.json from grafana/build
	@$(python) -m grafana.build

lock: $(venv)/dev ## Bring requirements/*.txt to the newest releases
	@requirements/lock $(python)

clean: ## Remove the virtual environment and all caches, but no reports
	@rm -rf $(venv) .pytest_cache .mypy_cache .ruff_cache
	@find . -name __pycache__ -prune -exec rm -rf {} +

# What is installed, marked by a file of the part's name.
$(venv)/demo $(venv)/dev: $(venv)/%: requirements/%.txt | $(python)
	@echo "Installing requirements/$*.txt into $(venv) …"
	@$(install) -r $<
	@touch $@

$(python):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Sadpath needs Python 3.11 or later, and $(PYTHON) is $$(command -v $(PYTHON) >/dev/null && $(PYTHON) -V 2>&1 || echo not here)." \
	       "Name another: make $(MAKECMDGOALS) PYTHON=python3.13" >&2; exit 1; }
	@$(PYTHON) -m venv $(venv) || { rm -rf $(venv); \
	  echo "Python could not make a virtual environment; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
