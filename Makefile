# make run    a virtual environment, the notebooks with the quick preset, music in outputs/
# make test   what the tests need, and the tests
# make coverage  the tests, and at the end which lines of musiclib none of them ran: takes a third longer
# make studio the package as a page in the browser, without a notebook
# make lint   the style of code and docstrings, by ruff
# make soak   every script in tests/soak, for hours: many files, many pieces; make soak SOAK=many_pieces runs one
# make bench  the textbook's recipes and musiclib side by side: a table, and outputs/benchmarks.json
PYTHON ?= python3
VENV ?= .venv
# A kernel that is started from here has nothing to say that a reader could act on.
# asyncio logs the tasks of ipykernel's own that are still pending when a kernel stops, as if something had failed.
CALM = __import__('logging').getLogger('asyncio').setLevel('CRITICAL')
QUIET = --ExecutePreprocessor.extra_arguments=--log-level=40 \
	"--ExecutePreprocessor.extra_arguments=--IPKernelApp.exec_lines=$(CALM)"
# How coverage watches lines: from Python 3.12 on in a way that costs next to nothing.
FASTEST_CORE = $$($(VENV)/bin/python -c 'import sys; print("sysmon" if sys.version_info >= (3, 12) else "ctrace")')
# Two files of tests at once; the tests of one file follow each other, since notebooks read what others wrote. The
# notebooks take longest: tests/conftest.py puts them first, and the files stay in that order.
PARALLEL ?= --numprocesses 2 --dist loadfile --no-loadscope-reorder
NOTEBOOKS = $(sort $(wildcard notebooks/*.ipynb))
export TF_CPP_MIN_LOG_LEVEL ?= 3

SOAK = $(sort $(patsubst tests/soak/%.py,%,$(wildcard tests/soak/[a-z]*.py)))

.PHONY: run studio lint test coverage soak bench shipped clean

run: $(VENV)/run.installed
	@mkdir -p outputs/notebooks
	@for notebook in $(NOTEBOOKS); do \
		echo "running $$notebook"; \
		MUSICLIB_PRESET=$${MUSICLIB_PRESET:-quick} $(VENV)/bin/jupyter nbconvert --log-level WARN $(QUIET) \
			--to notebook --execute --output-dir outputs/notebooks $$notebook || exit 1; \
	done
	@echo "done: listen to outputs/*.wav, look at outputs/*.png, open outputs/notebooks/ in Jupyter"

studio: $(VENV)/studio.installed
	$(VENV)/bin/python -m musiclib.studio

lint: $(VENV)/test.installed
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

test: lint
	$(VENV)/bin/python -m pytest $(PARALLEL)

coverage: lint
	COVERAGE_CORE=$(FASTEST_CORE) $(VENV)/bin/python -m pytest $(PARALLEL) --cov --cov-report=term-missing:skip-covered

# Each is a script that ends with an error where something broke, and prints what it tried and how long that took.
soak: $(VENV)/test.installed
	@for script in $(SOAK); do \
		echo "soak: $$script"; \
		PYTHONPATH=. $(VENV)/bin/python tests/soak/$$script.py || exit 1; \
	done

# Takes an hour or more, most of it the textbook's own; make bench BENCH="--quick --only generate_one" takes options.
bench: $(VENV)/run.installed
	$(VENV)/bin/python -m benchmarks.compare $(BENCH)

# Trains the runs that ship in models/ again: about half an hour each on two cores.
shipped: $(VENV)/run.installed
	$(VENV)/bin/python models/train_shipped.py

$(VENV)/run.installed: requirements.txt | $(VENV)/bin/python
	$(VENV)/bin/python -m pip install -q -r requirements.txt
	@touch $@

$(VENV)/studio.installed: requirements.txt pyproject.toml | $(VENV)/bin/python
	$(VENV)/bin/python -m pip install -q -r requirements.txt "gradio>=6,<7"
	@touch $@

$(VENV)/test.installed: requirements.txt requirements-dev.txt | $(VENV)/bin/python
	$(VENV)/bin/python -m pip install -q -r requirements-dev.txt
	@touch $@

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 13) else \
		"musiclib needs Python 3.11 to 3.13 and %s is %d.%d; name another: make PYTHON=python3.12" % (sys.executable, *v))'
	$(PYTHON) -m venv $(VENV)

clean:
	rm -rf $(VENV) outputs/notebooks outputs/*.mid outputs/*.wav outputs/*.png
