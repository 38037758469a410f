.PHONY: demo test quick check format lock clean
PYTHON ?= python3
BIN := .venv/bin

demo: .venv/ready        ## the whole way on a simulated bank: environment, then the main job
	$(BIN)/churn demo --dir demo

test: .venv/ready        ## environment, then every test
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal

quick: .venv/ready       ## the tests a desk needs: without notebooks, browser, large banks and studies
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow"

check: .venv/ready       ## lint, format, types, import order, spelling
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell

format: .venv/ready
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock:                    ## needs uv; writes the exact versions and their hashes
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  --group dev pyproject.toml -o requirements.lock

clean:
	rm -rf .venv demo

.venv/ready: pyproject.toml requirements.lock
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@
