.PHONY: demo test quick check format lock clean
PYTHON ?= python3
BIN := .venv/bin

demo: .venv/ready        ## install, then run every step on a simulated bank
	$(BIN)/churn demo --dir demo

test: .venv/ready        ## install, then run every test
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal

quick: .venv/ready       ## tests for daily work: without notebooks, browser, large banks and studies
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow"

check: .venv/ready       ## lint, format, types, import order, spelling
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --num-workers 2
	$(BIN)/lint-imports
	$(BIN)/codespell

format: .venv/ready
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock:                    ## write exact versions and hashes; needs uv
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  --group dev pyproject.toml -o requirements.lock

clean:
	rm -rf .venv demo

.venv/ready: pyproject.toml requirements.lock
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --no-compile --require-hashes -r requirements.lock
	$(BIN)/python -W ignore -m compileall -qq -j 0 .venv/lib || true # on all cores, where pip takes one
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@
