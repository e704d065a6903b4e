# make demo: the demonstration night, simulated and reduced.   make test: the tests.   Both set everything up first.
PYTHON ?= python3
CORES ?= 2
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1
export PATH := $(BIN):$(PATH)

.PHONY: demo accuracy test check night cluster bench kernels scaling memory docs wheel clean

$(VENV)/ready: pyproject.toml
	command -v cc >/dev/null || command -v gcc >/dev/null || command -v clang >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends gcc libc6-dev; }
	$(PYTHON) -c 'import sys; sys.exit("python >= 3.11 is needed, this is " + sys.version) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	$(BIN)/python -c 'from soxslib import kernels; kernels.build()'
	touch $@

demo: $(VENV)/ready
	rm -rf demo
	soxs simulate demo
	soxs init demo
	cd demo && snakemake --cores $(CORES)
	@echo
	@cat demo/summary.txt
	@echo "spectra: demo/reduced/   summary: demo/summary.txt"

# NIGHTS: directories of simulated nights, with their truth and already reduced
accuracy: demo
	soxs accuracy demo
	for night in $(NIGHTS); do soxs accuracy $$night; done

test: $(VENV)/ready
	$(BIN)/python -m pytest -n $(CORES) --dist loadfile -m "not night and not cluster and not bench"

night: $(VENV)/ready
	$(BIN)/python -m pytest -m night

# the report is tested in Chromium where this and a Chromium of the system are there
$(VENV)/browser: $(VENV)/ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[browser]'
	touch $@

# apart from the rest: with the plugin there, every snakemake takes half a second more to start
$(VENV)/slurm: $(VENV)/ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[slurm]'
	touch $@

cluster: $(VENV)/slurm
	-$(BIN)/python tests/helpers/throwaway_slurm.py install
	$(BIN)/python -m pytest -m cluster -n 3 --dist loadfile --durations=10 tests/cluster  # they mostly wait: three clusters

# NIGHTS: directories with raw frames; without any, a small night is simulated
bench: $(VENV)/ready
	$(BIN)/python tools/bench.py --cores $(CORES) $(NIGHTS)

kernels: $(VENV)/ready
	$(BIN)/python -m pytest -p pytest_benchmark.plugin -m bench tests/bench

scaling: $(VENV)/ready
	$(BIN)/python tools/scaling.py 100 1000 10000

memory: $(VENV)/ready
	$(BIN)/python tools/memory.py $(or $(NIGHT),demo)

check: $(VENV)/ready
	ruff check .
	ruff format --check soxslib scripts tests
	snakefmt --check Snakefile rules config
	$(BIN)/python -m pytest -n $(CORES) --dist loadfile -m "not night and not cluster and not bench"

docs: $(VENV)/ready
	soxs docs docs/settings.md

wheel: $(VENV)/ready
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .

clean:
	rm -rf $(VENV) demo dist build
