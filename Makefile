# make demo: the servers, the cases of examples/, their lives to watch.  make test: everything.
PYTHON ?= python3
BIN := .venv/bin
.DEFAULT_GOAL := demo
# Processes are loaded anew for every case: without compiled files that is slow.
export PYTHONDONTWRITEBYTECODE =
.PHONY: docs env demo test test-quick check bench lock clean

env: .venv/ready

.venv/ready: requirements-dev.lock
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; set PYTHON=...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --requirement requirements-dev.lock
	@touch $@

demo: env
	@$(BIN)/python starter.py demo

test: env check
	$(BIN)/python -m pytest --numprocesses 4 --dist loadfile --no-loadscope-reorder

test-quick: env
	$(BIN)/python -m pytest --numprocesses 4 --dist loadfile --no-loadscope-reorder -m "not slow"

check: env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: env
	$(BIN)/python -m pages.processes

bench: env
	$(BIN)/python -m bench --size 20
	$(BIN)/python -m bench.fullest

lock: env
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --upgrade pyproject.toml --output-file requirements.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --upgrade --extra dev --constraint requirements.lock pyproject.toml --output-file requirements-dev.lock

clean:
	rm -rf .venv .recourse
