# Every workflow, one or two lines each. What CI runs is what a person runs: `.ci/run` is `make test`.

PYTHON := .venv/bin/python
RUFF := $(PYTHON) -m ruff
UV_COMPILE := $(PYTHON) -m uv pip compile --no-config --quiet --universal --python-version 3.12 \
	--generate-hashes --custom-compile-command "make lock" $(UPGRADE)

.DEFAULT_GOAL := help
.PHONY: help install dev boto3 s3 otel run compose test lint types imports pytest postgresql js vendor thorough faults pictures failures compatibility pythons coverage lanes format lock reset clean

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: ## Make .venv and install what Runnel needs
	@scripts/install

dev:
	@scripts/install dev

boto3: install ## Install what signs requests to Amazon Bedrock with AWS credentials
	@scripts/install boto3

s3: install ## Install what keeps uploaded files in a store that speaks S3
	@scripts/install s3

otel: install ## Install what sends spans of runs to an OpenTelemetry collector
	@scripts/install otel

run: install ## Serve on http://127.0.0.1:8000 (HOST, PORT, RUNNEL_DATA_DIR); Ctrl-C stops it
	@exec $(PYTHON) manage.py serve

compose: dev ## Start deploy/compose.yaml's services as plain processes (needs postgresql, redis-server, caddy)
	@$(PYTHON) scripts/compose.py

test: dev ## Lint, types, import contracts and tests, each to its end, with one summary
	@.ci/check

lint: dev ## Look for mistakes and for what is not formatted
	@$(RUFF) check . && $(RUFF) format --check .

types: dev ## Check the types
	@$(PYTHON) -m mypy

imports: dev ## Check who imports whom
	@.venv/bin/lint-imports

pytest: dev ## Run the tests alone (ARGS="tests/project -x")
	@$(PYTHON) -m pytest $(ARGS)

postgresql: dev ## Run the tests that touch the database with a PostgreSQL of their own (ARGS="tests/runs/store")
	@$(PYTHON) -m tests.on_postgresql $(ARGS)

js: ## Check the types of the page's JavaScript (needs npm; not part of `make test`)
	@! npm exec --yes --package=typescript@5.9.3 -- tsc --project jsconfig.json | grep '^static/runnel\|^error'

vendor: ## Fetch the page's third-party modules again, as scripts/vendor.json pins them (needs npm)
	@python3 scripts/vendor.py $(ARGS)

thorough: dev ## Repeat what `make test` repeats some times as often as before a release
	@KILLS=200 RANDOM_CANCELS=10000 RACES=2000 MANY_CALLS=2000 MUTATIONS=20000 STOPS=100 INTERLEAVINGS=200 \
		STARTS=200 DEATHS=50 ACROSS=500 FAULTS=20 LONG_OUTAGES=1 STACK=1 DOCUMENTS=300 CUTS=20 MARKDOWN_CUTS=20 LINE_CUTS=50 \
		$(PYTHON) -m pytest --timeout=3600 $(ARGS) \
		tests/faults/test_kill.py tests/faults/test_kill_compaction.py tests/faults/test_cancel_random.py \
		tests/faults/test_many_streams.py tests/faults/test_two_processes.py tests/faults/test_workers.py \
		tests/scenarios/test_races.py tests/contract/test_mutations.py \
		tests/runs/services/test_queue_interleavings.py tests/deploy/test_stack.py \
		tests/providers/usage/test_stopped_answers.py tests/js/test_modules.py tests/browser/test_markdown.py \
		tests/browser/test_bad_lines.py
	@$(PYTHON) -m tests.on_postgresql -n $(or $(TEST_WORKERS),2) --dist loadfile

faults: dev ## Break whole installations as often as before a release, and print what was noticed (half a day)
	@$(PYTHON) -m benchmarks.faults --lanes 16 --minutes 120 --starts 200 --cancels 10000 --cancels-without-redis 1000 \
		--races 2000 --cuts 500 --rights 20 --rights-without-redis 20 --tools 20 --poison 5 --stops 50 --kills 200 \
		--redis 20 --database 20 --long-outages 1 --clocks 5 --standstills 50 --disks 1 --upgrades 3 --first-starts 20 --soak 30
	@$(PYTHON) -m benchmarks.faults --one --lanes 16 --minutes 120 --cancels 10000 --races 2000 --cuts 500 --stops 50 --kills 200 --standstills 5 --disks 1 --soak 30

pictures: dev ## Take the pictures in docs/pictures/ anew (needs chromium)
	@$(PYTHON) -m scripts.pictures

failures: dev ## Write docs/reference/failures.md anew: what users read when providers fail
	@REGENERATE=1 $(PYTHON) -m pytest -q tests/faults/test_failures.py

compatibility: dev ## Write docs/compatibility.md anew: which servers' oddities are understood
	@REGENERATE=1 $(PYTHON) -m pytest -q tests/project/test_compatibility.py

pythons: dev ## Run the quick tests with every Python from 3.12 to 3.14 that is installed (ARGS="tests/providers")
	@scripts/pythons $(ARGS)

coverage: dev ## Run the tests and print which lines they leave out (ARGS="tests/runs"); a report is in test-results/
	@$(PYTHON) -m pytest -n $(or $(TEST_WORKERS),2) --dist loadfile -m 'not browser' --cov \
		--cov-report=term:skip-covered --cov-report=html:test-results/coverage $(ARGS)

lanes: dev ## Run the tests against servers that we did not write (CONTRIBUTING.md says how to get them)
	@$(PYTHON) -m pytest tests/lanes $(ARGS)

format: dev ## Format the code and fix what can be fixed
	@$(RUFF) check --fix-only . && $(RUFF) format .

lock: dev ## Compile requirements*.txt (UPGRADE=--upgrade for newer versions)
	@$(UV_COMPILE) requirements.in -o requirements.txt && $(UV_COMPILE) requirements-boto3.in -o requirements-boto3.txt
	@$(UV_COMPILE) requirements-s3.in -o requirements-s3.txt && $(UV_COMPILE) requirements-otel.in -o requirements-otel.txt
	@$(UV_COMPILE) requirements-dev.in -o requirements-dev.txt

reset: install ## Ask, then empty the data folder: database, keys, everything
	@$(PYTHON) scripts/reset.py

clean: ## Remove .venv and all caches; the data folder stays
	@rm -rf .venv .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache test-results
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
