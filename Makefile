# Thin names for the scripts, for those who have make; the scripts alone suffice.
.PHONY: help run test lint check lock wheel bench
.DEFAULT_GOAL := help

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1	/p' $(MAKEFILE_LIST)
run:  ## start the server (options: ./run --port 9000)
	./run
test:  ## all tests, without the linters
	./test tests -n 2
lint:  ## format in place, then lint
	./test --version >/dev/null && .venv/bin/python -m ruff format . && .venv/bin/python -m ruff check --fix .
check:  ## what CI runs
	./test
lock:  ## write requirements/*.lock anew from pyproject.toml
	tools/lock.sh
wheel:  ## build dist/*.whl
	./test --version >/dev/null && .venv/bin/python -m build --wheel --no-isolation
bench:  ## measure this machine
	./test --version >/dev/null && PYTHONPATH=. .venv/bin/python -m bench
