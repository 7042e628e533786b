# One command each: `make serve` opens the dashboard, `make test` passes every test. Both make the
# virtual environment first; a second call finds it and is quick.
#
#   PYTHON    the Python that makes it (3.11 or newer)      make test PYTHON=python3.13
#   VENV      its folder                                    make serve VENV=~/envs/appkit
#   PIP_ARGS  more arguments for pip, such as another index
#   ARGS      handed to the tool                            make test ARGS="tests/data -x"

PYTHON ?= python3
VENV ?= .venv
PORT ?= 5006
WORKERS ?= 2
PIP_ARGS ?=
ARGS ?=

BIN := $(VENV)/bin
# One thread a process: two test workers with two threads each stand in each other's way.
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 NUMBA_NUM_THREADS=1
# As the experiments' workers have it: glibc keeps freed arrays instead of giving each back.
KEEP_MEMORY := MALLOC_MMAP_THRESHOLD_=1073741824 MALLOC_TRIM_THRESHOLD_=1073741824

.DEFAULT_GOAL := help
.PHONY: help serve test test-browser lab bench lint format readme wheel clean

help:
	@echo "make serve   open the dashboard on http://localhost:$(PORT)"
	@echo "make test    run every test"
	@echo "make test-browser  drive the pages in Chromium"
	@echo "make lab     open the notebooks in JupyterLab"
	@echo "make bench   measure: features, patches, regression, slider"
	@echo "make lint    check format, style and types"
	@echo "make format  format the code"
	@echo "make readme  fill the README's table from the result records"
	@echo "make wheel   build the wheel into dist/"
	@echo "make clean   remove the virtual environment and what was built"

serve: $(VENV)/.installed
	$(BIN)/appkit serve --port $(PORT) $(ARGS)

# The pages come last, by themselves: a browser and a server need both processors.
test: $(VENV)/.installed-test
	$(ONE_THREAD) $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal \
	  $(or $(ARGS),--ignore tests/browser)
	$(if $(ARGS),,$(MAKE) test-browser)

test-browser: $(VENV)/.installed-test
	$(ONE_THREAD) $(BIN)/python -m pytest -n 0 tests/browser $(ARGS)

lab: $(VENV)/.installed
	$(BIN)/appkit lab $(ARGS)

bench: $(VENV)/.installed-test
	$(ONE_THREAD) $(KEEP_MEMORY) $(BIN)/python -m pytest tests/benchmarks --benchmark-enable -n 0 -s $(ARGS)

lint: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/.installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

readme: $(VENV)/.installed
	$(BIN)/python -m appkit.experiments.tables README.md

wheel: $(VENV)/.installed-dev
	$(BIN)/python -m build --wheel

clean:
	rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache .benchmarks

# The virtual environment, then what is installed in it: a file each, newer than what it came from.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "appkit needs Python 3.11 or newer; name one: make $(MAKECMDGOALS) PYTHON=python3.12"; \
	    exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install $(PIP_ARGS) -e ".[dft]"
	@touch $@

$(VENV)/.installed-test: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install $(PIP_ARGS) -e ".[test]"
	@touch $(VENV)/.installed $@

$(VENV)/.installed-dev: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install $(PIP_ARGS) -e ".[dev]"
	@touch $(VENV)/.installed $(VENV)/.installed-test $@
