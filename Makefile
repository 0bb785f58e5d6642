# make chat   a virtual environment, an install, the papers that ship, and the page
# make test   everything that has to hold
# `make help` lists the rest.

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
PYTEST := $(BIN)/python -m pytest
# More arguments for the page or for pytest: make chat ARGS='--port 8000', make test ARGS='-k citations'
ARGS :=

.DEFAULT_GOAL := help
.PHONY: help chat install test test-fast lint format bench constraints clean

help:
	@echo 'make chat         set everything up and open the page over the papers that ship'
	@echo 'make install      only set up; the command is then $(BIN)/footnoted'
	@echo 'make test         lint, types, and every test'
	@echo 'make test-fast    the tests that need no browser, no language model and little time'
	@echo 'make lint         ruff and mypy'
	@echo 'make format       let ruff put the code into shape'
	@echo 'make bench        how long the command and the page take to start'
	@echo 'make constraints  resolve the pinned versions anew'
	@echo 'make clean        remove what make made'

chat: $(VENV)/installed
	@$(BIN)/footnoted chat --first-papers rag/data/daily_papers.txt $(ARGS)

install: $(VENV)/installed

test: lint $(VENV)/installed-for-tests
	@sh .ci/chromium.sh
	@FOOTNOTED_TEST_MODEL=$$($(BIN)/python .ci/test_model.py) $(PYTEST) $(ARGS)

test-fast: $(VENV)/installed-for-tests
	@$(PYTEST) -m 'not slow' -n 2 $(ARGS)

lint: $(VENV)/installed-for-tests
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: $(VENV)/installed-for-tests
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(VENV)/installed
	@$(BIN)/python -m eval.benchmarks.startup $(ARGS)

constraints:
	@python=$$(sh .ci/python.sh $(PYTHON) python3.11) && $$python .ci/constraints.py $(OTHER_PYTHONS) > constraints.new
	@mv constraints.new constraints.txt

clean:
	rm -rf $(VENV) .cache build dist footnoted.egg-info constraints.new .pytest_cache .ruff_cache .mypy_cache
	find rag ui prompts eval tests -name __pycache__ -prune -exec rm -rf {} +

# A virtual environment cannot be moved, and is lost with the Python that made it.
ifneq ($(shell test -x $(BIN)/python && cat $(VENV)/made-in 2>/dev/null),$(CURDIR))
.PHONY: $(VENV)/made-in
endif

$(VENV)/made-in:
	@python=$$(sh .ci/python.sh $(PYTHON)) && rm -rf $(VENV) && $$python -m venv $(VENV)
	@echo '$(CURDIR)' > $@

# The installs are editable, so that a pulled change is there at once. pip and setuptools come
# first: the pip that Python brings is slow, and would fetch the newest setuptools to build with.
# Compiling apart takes both cores; what is left out is never imported, or compiled when it is.
$(VENV)/installed: $(VENV)/made-in pyproject.toml constraints.txt
	@echo 'Installing into $(VENV): about a minute, this once.'
	@$(PIP) install -c constraints.txt pip setuptools
	@$(PIP) install -c constraints.txt --no-build-isolation --no-compile -e '.[eval]'
	@$(BIN)/python -m compileall -qq -j 0 -x '/(kubernetes|networkx|nltk|pip|setuptools|tests?)/' $(VENV)/lib || true
	@$(BIN)/python -m compileall -qq rag ui prompts eval || true
	@touch $@

$(VENV)/installed-for-tests: $(VENV)/installed
	@echo 'Installing what the tests need into $(VENV).'
	@$(PIP) install -c constraints.txt --no-build-isolation -e '.[eval,test,dev]'
	@touch $@
