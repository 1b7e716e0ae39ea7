# Every target sets up what it needs. `make` alone lists them.
PYTHON ?= python3
DEMO_SECONDS ?= 60
export DEMO_SECONDS

venv := .venv
python := $(venv)/bin/python
install := $(python) -m pip install --progress-bar off --disable-pip-version-check --require-hashes
run_tests = $(python) -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder -m "$(leave_out)" $(if $(TESTS),$(TESTS),--cov)
# In a terminal, one line that counts the packages, in place of pip's hundreds.
show_progress = n=0; while read -r word _; do [ -t 1 ] && case $$word in \
  Collecting) n=$$((n + 1)); printf '\r  %d packages' $$n ;; Installing) echo ', installing' ;; esac; done; true

.DEFAULT_GOAL := help
.PHONY: help demo twins up down test test-slow test-all check format bench truth matrix cost calibrate figures real-services slides trial dashboards dashboards-preview lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(venv)/demo ## Run the lab for DEMO_SECONDS (60; 0 is until Ctrl-C); TWIN=… for another twin; report in reports/demo
	@$(python) -m loadtest demo

twins: $(venv)/demo ## List the twins, one line each
	@$(python) -m loadtest twins

up: ## Start the Compose demo: the lab in Docker, with Prometheus and Grafana; settings in .env.example
	@$(PYTHON) -m loadtest up

down: ## Stop the Compose demo; Locust's report stays in reports/compose
	@$(PYTHON) -m loadtest down

test: leave_out := not slow and not exhaustive and not trial
test: $(venv)/dev ## Run the tests but the slow ones, and measure coverage; TESTS="tests/probe …" for a part
	@$(run_tests)

test-slow: leave_out := not exhaustive and not trial
test-slow: $(venv)/dev ## Run the slow tests too, one of each kind, as CI does: another Python, the wheel, a real server, a browser
	@$(run_tests)

test-all: leave_out := not trial
test-all: $(venv)/dev ## Run all of each kind: every Python, every server
	@$(run_tests)

check: $(venv)/dev ## Check style, types and workflows, without changing anything
	@$(python) -m ruff check
	@$(python) -m ruff format --check
	@$(python) -m mypy
	@$(venv)/bin/zizmor --offline --quiet .

format: $(venv)/dev ## Format the code
	@$(python) -m ruff format
	@$(python) -m ruff check --fix

bench: $(venv)/dev ## Measure what the instruments cost, in some minutes; leaves reports/bench.json
	@$(python) -m experiments bench

truth: $(venv)/demo ## Verify every twin on each installed Python (PYTHONS="python3.12 …") and two Starlettes; TWIN=… for one
	@$(python) -m experiments truth

matrix: $(venv)/demo ## Check every twin with `sadpath check` on each installed Python, and count its mistakes; writes docs/check-matrix.md
	@$(python) -m experiments matrix

cost: $(venv)/demo ## Measure what a request costs after many, reused and factory; leaves reports/cost.png
	@$(python) -m experiments cost

calibrate: $(venv)/demo ## Measure how often the verdict is right, on simulated series; five minutes of one core, writes docs/calibration.md
	@$(python) -m experiments calibrate

figures: $(venv)/demo ## Repeat the first article's experiment; table and pictures for slides in reports/article
	@$(python) -m experiments figures

real-services: $(venv)/demo ## Check seven released services that teams run (SERVICE=… for one), half an hour; writes docs/real-services.md
	@$(python) -m experiments services $(SERVICE)

slides: $(venv)/demo ## Write the slides of a talk from the newest demo's figures and pictures: reports/slides.html
	@$(python) -m loadtest slides

trial: $(venv)/dev ## Try kills, faults, attacks, hostile services and 50,000 odd requests, a test each; a table in the end
	@$(python) -m pytest --numprocesses 2 --dist loadfile tests/trial

dashboards: $(venv)/dev ## Write grafana/dashboards/*.json from grafana/build
	@$(python) -m grafana.build

dashboards-preview: $(venv)/dev ## Run the lab with a real Prometheus and draw the dashboards with PREVIEWER="command"; reports/dashboards
	@$(python) -m tests.grafana.preview

lock: $(venv)/dev ## Bring requirements/*.txt to the newest releases
	@requirements/lock $(python)

clean: ## Remove the virtual environment and all caches, but no reports
	@rm -rf $(venv) .pytest_cache .mypy_cache .ruff_cache
	@find . -name __pycache__ -prune -exec rm -rf {} +

# What is installed, marked by a file of the part's name. `sadpath` itself is installed as a link to this folder.
$(venv)/demo $(venv)/dev: SHELL := bash
$(venv)/demo $(venv)/dev: $(venv)/%: requirements/%.txt pyproject.toml | $(python)
	@echo "Installing requirements/$*.txt into $(venv) …"
	@set -o pipefail; $(install) -r $< | { $(show_progress); }
	@$(python) -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

$(python):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Sadpath needs Python 3.11 or later, and $(PYTHON) is $$(command -v $(PYTHON) >/dev/null && $(PYTHON) -V 2>&1 || echo not here)." \
	       "Name another: make $(MAKECMDGOALS) PYTHON=python3.13" >&2; exit 1; }
	@$(PYTHON) -m venv $(venv) || { rm -rf $(venv); \
	  echo "Python could not make a virtual environment; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
