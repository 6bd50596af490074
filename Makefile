# The two commands are `make demo` and `make test`; everything they need is set up in .venv on the way.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BENCH_VENV := .bench-venv
BENCH_PYTHON = $(firstword $(wildcard $(BENCH_VENV)/bin/python) $(BIN)/python)
DURATION ?=
CHAOS ?=
COMPILED := setup.py pyproject.toml $(shell find shm engine research -name '*.pyx' -o -name '*.pxd' -o -name '*.h' -o -name '_*.c' 2>/dev/null)

WORKERS ?= auto

.PHONY: setup demo test check lint bench soak mutation sanitize setup-bench clean needs

setup: $(VENV)/.ready

needs:
	@command -v $(PYTHON) >/dev/null || { echo "No $(PYTHON): apt-get install -y python3 python3-venv python3-dev gcc make"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.11 …"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "No venv support: apt-get install -y python3-venv"; exit 1; }
	@command -v gcc >/dev/null || { echo "No C compiler: apt-get install -y gcc libc6-dev"; exit 1; }
	@echo '#include <Python.h>' | gcc -E -I"$$($(PYTHON) -c 'import sysconfig; print(sysconfig.get_path("include"))')" - >/dev/null 2>&1 \
		|| { echo "No Python headers: apt-get install -y python3-dev libc6-dev"; exit 1; }

$(VENV)/.ready: $(COMPILED) | needs
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	@echo "Installing steelyard and what it needs into $(VENV) (a few minutes the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: setup
	@$(BIN)/python -m engine.demo $(if $(DURATION),--duration $(DURATION)) $(if $(CHAOS),--chaos)

test: setup
	@$(BIN)/python -m pytest --numprocesses $(WORKERS) --maxprocesses 4 --dist loadfile --no-loadscope-reorder $(if $(RERUNS),--reruns $(RERUNS) -rR)

check: lint
	@$(BIN)/python -m pytest tests/tidy

lint: setup
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@PATH="$(abspath $(BIN)):$$PATH" cython-lint shm engine research
	@$(BIN)/lint-imports

bench: setup
	@for each in ring wire book feed aggregate mixed connections path value_at_risk simulate sweep calibration algorithms netting execution timeline alerts profit halt recovery indicators history imports on_book strategy attach meters watchers; do echo "== bench/$$each.py"; $(BENCH_PYTHON) -m bench.$$each || exit 1; done

setup-bench: $(BENCH_VENV)/.ready

$(BENCH_VENV)/.ready: $(COMPILED) | needs
	@test -x $(BENCH_VENV)/bin/python || $(PYTHON) -m venv $(BENCH_VENV)
	@$(BENCH_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	@$(BENCH_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,bench]'
	@touch $@

soak: setup
	@STEELYARD_SOAK=1 $(BIN)/python -m pytest -m "soak or not soak" --timeout 3600

mutation: setup
	@$(BIN)/python -m tests.mutation $(MODULES) $(if $(JSON),--json) $(if $(AGAIN),--again $(AGAIN))

clean:
	@rm -rf $(VENV) build *.egg-info && find shm engine research -name '*.so' -delete

sanitize: setup
	@tests/sanitize.sh $(abspath $(BIN))/python
