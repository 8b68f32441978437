# Works from a bare Debian machine on: each target does its own set-up.
# A stamp marks what .venv holds; both name the sources that an installation compiles.

SHELL := /bin/bash
PYTHON := .venv/bin/python
RUN := .venv/.edgeq-run
TEST := .venv/.edgeq-test
SOURCES := pyproject.toml setup.py $(wildcard runtime/*.pyx runtime/*.pxi runtime/include/*.h)
JOBS ?= 2

.PHONY: help demo test lint clean debian

help:
	@echo "make demo   compile a model, run the C, compare it with the reference; train one, compare it with its C"
	@echo "make test   lint and all tests (JOBS=$(JOBS) at a time)"
	@echo "make lint   ruff and mypy"
	@echo "make clean  remove what building and testing left; .venv stays"

demo: $(RUN)
	$(PYTHON) examples/digits/demo.py
	$(PYTHON) examples/digits/qat.py

test: debian lint
	$(PYTHON) -m pytest -q -n $(JOBS) $(ARGS)

lint: $(TEST)
	$(PYTHON) -m ruff check -q
	$(PYTHON) -m ruff format -q --check
	$(PYTHON) -m mypy --no-error-summary

clean:
	rm -rf build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis edgeq/*.so
	find . -path ./.venv -prune -o -name __pycache__ -type d -print0 | xargs -0 rm -rf
	rm -f $(RUN) $(TEST)

debian:
	@.ci/setup debian gcc clang clang_rt clang_format aarch64 armhf cortex_m riscv32 hexagon qemu qemu_system chromium

$(RUN): $(SOURCES)
	.ci/setup venv examples
	@touch $@

# The extras of the tests hold those of a run.
$(TEST): $(SOURCES)
	.ci/setup venv examples,test
	@touch $@ $(RUN)
