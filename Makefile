# Commands for developers and CI. Needs Python 3.11 or newer and make. Everything else is installed into .venv in this
# directory, from locked and hashed requirements.

PYTHON ?= python3
VENV   := .venv
SAM    := .venv-sam
AWS    := .venv-aws
LINT   := .venv-lint
NODE   := build/node
LOCK   := build/lock-venv
CLIENTS := .venv-clients
CURRENT := .venv-current-clients
CONSOLE := .venv-console
PEER   := build/peer-venv
AGENTS := build/agents
NODE_CLIENTS := build/node-clients
BIN    := $(VENV)/bin
PIP    := -m pip -qq --disable-pip-version-check install
PEERS  := build/peers
PORT   ?= 8787
TESTS  ?=
FUZZ   ?= 10000

export PIP_NO_INPUT = 1
unexport PYTHONPATH PYTHONHOME

.DEFAULT_GOAL := help
.PHONY: help demo serve test test-agents test-clients test-console test-deploy test-load test-long test-slow lint format docs fuzz bench bench-calls bench-guard bench-page bench-peers bench-store bench-workers install lock clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.serve ## try the gateway against simulated providers, then keep serving on port 8787
	@$(BIN)/vaultedge demo --port $(PORT) $(ARGS)

serve: $(VENV)/.serve ## serve the gateway on this machine with your own keys
	@$(BIN)/vaultedge serve --port $(PORT) $(ARGS)

test: $(VENV)/.dev $(SAM)/.installed $(AWS)/.installed $(NODE)/.installed ## install everything and run all tests that are not slow; TESTS=tests/vault runs some
	@$(BIN)/python -W error -m pytest -q $(XDIST) $(or $(TESTS),-m "not slow") $(ARGS)

# CI runs both. A slow test is one that takes more than a few seconds without a smaller version that shows the same.
test-slow: $(VENV)/.dev $(SAM)/.installed $(AWS)/.installed ## run the slow tests: wheel, Lambda bundles, templates, every bit of a vault
	@$(BIN)/python -W error -m pytest -q $(XDIST) $(if $(XDIST),--dist loadscope) -m slow $(TESTS) $(ARGS)

test-long: $(VENV)/.dev $(SAM)/.installed $(AWS)/.installed ## repeat races, sequences, sums and mutations 10 to 50 times more often
	@VAULTEDGE_TEST_LONG=1 $(BIN)/python -W error -m pytest -q $(XDIST) -m repeated $(TESTS) $(ARGS)

test-clients: $(VENV)/.serve $(CLIENTS)/.installed $(CURRENT)/.installed $(NODE_CLIENTS)/.installed ## test LangChain, LlamaIndex, Vercel AI, ... against a running gateway
	@for python in $(CLIENTS)/bin/python $(CURRENT)/bin/python; do \
		VAULTEDGE_PYTHON=$(CURDIR)/$(BIN)/python LITELLM_LOCAL_MODEL_COST_MAP=True \
		LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS=True \
		$$python -m pytest -q -W ignore $(XDIST) $(or $(TESTS),tests/clients) $(ARGS) || exit 1; \
	done

# Each run is a real agent in a home of its own; 245 runs take about ten minutes.
test-agents: $(VENV)/.dev $(AGENTS)/.installed ## run Claude Code, Codex, Gemini CLI, ... over seven providers; prints a matrix
	@VAULTEDGE_TEST_AGENTS=1 $(BIN)/python -m pytest -q $(XDIST) $(or $(TESTS),tests/agents) $(ARGS)

# All tests share one stack, so they run in one process. They take one to three minutes.
test-deploy: $(VENV)/.dev $(SAM)/.installed $(AWS)/.installed ## deploy with sam to an emulated AWS and test the result
	@VAULTEDGE_TEST_DEPLOY=1 $(BIN)/python -W error -m pytest -q $(or $(TESTS),tests/deploy) $(ARGS)

test-load: $(VENV)/.dev ## load vaultedge serve with every limit: one worker, two, two gateways; LOAD=2000 sends fewer requests
	@VAULTEDGE_TEST_LOAD=1 $(BIN)/python -W error -m pytest -q $(or $(TESTS),tests/load) $(ARGS)

test-console: $(CONSOLE)/.installed $(PEER)/.installed ## test the console in Chromium (CHROMIUM=/path); screenshots in build/console-screenshots
	@$(CONSOLE)/bin/python -W error -m pytest -q --durations=15 $(XDIST) $(if $(XDIST),--dist loadscope --no-loadscope-reorder) \
		$(or $(TESTS),tests/console) $(ARGS)

lint: $(VENV)/.dev ## ruff check, ruff format --check, mypy --strict, fields of the vendors' SDKs
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python -m tools.sdk_fields

format: $(VENV)/.dev ## ruff check --fix and ruff format
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

docs: $(VENV)/.dev ## regenerate docs/cli.md, the tables in docs/ and the digest in docs/vault.md
	@$(BIN)/python -m tools.build_providers
	@$(BIN)/python -m tools.build_clients
	@$(BIN)/python -m tools.build_support
	@$(BIN)/python -m tools.build_behaviours
	@$(BIN)/python -m tools.build_vault_page
	@$(BIN)/python -m tools.build_cli_reference

fuzz: $(VENV)/.dev ## fuzz every dialect with 10,000 malformed requests, responses and streams
	@FUZZ=$(FUZZ) $(BIN)/python -W error -m pytest -q $(XDIST) tests/dialects/test_fuzz.py $(ARGS)

bench: $(VENV)/.dev ## benchmark the gateway beside plain proxies and installed peers; ROUNDS=5; ARGS=--quick is short
	@$(BIN)/python -m tests.bench --rounds $(or $(ROUNDS),5) $(ARGS)

bench-page: $(VENV)/.dev ## the same, and write the table into docs/performance.md
	@$(BIN)/python -m tests.bench --rounds $(or $(ROUNDS),5) --write docs/performance.md $(ARGS)

# One that cannot be installed is skipped. `make bench` measures those that are installed.
bench-peers: ## install other gateways for `make bench`: ferrogw, rolter, LiteLLM, Portkey
	@for name in ferrogw rolter litellm; do \
		test -e $(PEERS)/$$name/.installed && continue; \
		echo "installing $$name ..." >&2; \
		$(PYTHON) -m venv $(PEERS)/$$name && $(PEERS)/$$name/bin/python $(PIP) --no-deps --require-hashes \
			-r tests/bench/lock/requirements-$$name.txt && touch $(PEERS)/$$name/.installed \
			|| { rm -rf $(PEERS)/$$name; echo "skipped: pip cannot install $$name" >&2; }; \
	done
	@test -e $(PEERS)/portkey/.installed || { \
		echo "installing portkey ..." >&2; \
		mkdir -p $(PEERS)/portkey && cp tests/bench/lock/portkey/*.json $(PEERS)/portkey \
			&& (cd $(PEERS)/portkey && npm ci --silent --ignore-scripts --no-audit --no-fund --legacy-peer-deps) \
			&& touch $(PEERS)/portkey/.installed \
			|| { rm -rf $(PEERS)/portkey; echo "skipped: npm cannot install portkey" >&2; }; \
	}

bench-guard: $(VENV)/.dev ## print which functions and figures of a request rose by more than 10 %; ARGS=--write stores them
	@$(BIN)/python -m tests.bench.guard $(ARGS)

bench-calls: $(VENV)/.dev ## print the Python calls and the CPU time of one request; ARGS="--limits --top 40" or --stream
	@$(BIN)/python -m tests.bench.calls $(ARGS)

bench-workers: $(VENV)/.dev ## measure two workers on two cores beside one on one core
	@$(BIN)/python -m tests.bench.workers $(ARGS)

bench-store: $(VENV)/.dev $(AWS)/.installed ## load the DynamoDB store behind emulated limits of partitions
	@$(BIN)/python -m tests.bench.store_scale

install: $(VENV)/.serve ## install only; the command is .venv/bin/vaultedge

lock: $(LOCK)/.installed ## resolve pyproject.toml again into the requirements*.txt files
	$(COMPILE) --extra serve --group build --group dev pyproject.toml -o requirements-dev.txt
	$(COMPILE) -c requirements-dev.txt --extra serve --group build pyproject.toml -o requirements-serve.txt
	$(COMPILE) -c requirements-dev.txt pyproject.toml -o requirements.txt
	$(COMPILE) --group clients -o requirements-clients.txt
	$(COMPILE) --group current-clients -o requirements-current-clients.txt
	$(COMPILE) -c requirements-dev.txt --extra serve --group console pyproject.toml -o requirements-console.txt
	echo 'aws-sam-cli>=1.170' | $(COMPILE) - -o requirements-sam.txt
	echo 'checkov>=3.3' | $(COMPILE) - -o requirements-lint.txt
	echo 'aider-chat==0.86.2' | $(COMPILE) - -o tests/agents/lock/requirements-aider.txt
	echo 'llm>=0.36' | $(COMPILE) - -o tests/agents/lock/requirements-llm.txt
	echo 'ferrogw==1.5.10' | $(COMPILE) - -o tests/bench/lock/requirements-ferrogw.txt
	echo 'rolter==0.1.0' | $(COMPILE) - -o tests/bench/lock/requirements-rolter.txt
	$(COMPILE) tests/bench/lock/litellm.in -o tests/bench/lock/requirements-litellm.txt
	printf 'ministack==1.5.33\naws-sam-translator>=1.115\n' | $(COMPILE) - -o requirements-aws.txt

clean: ## remove everything that was installed or built
	rm -rf $(VENV) $(SAM) $(AWS) $(LINT) $(CLIENTS) $(CURRENT) $(CONSOLE) build dist .aws-sam .hypothesis .mypy_cache .ruff_cache *.egg-info

# Resolves for every platform and Python version, with hashes, and names no index.
COMPILE = $(LOCK)/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-annotate --no-header

CHROMIUM ?= $(firstword $(shell command -v chromium chromium-browser google-chrome 2>/dev/null))

# Two workers by default. XDIST= runs the tests in one process.
XDIST ?= -n 2

# --- environments: one stamp file each, so that a second run installs nothing -------------------------------------
# --no-deps: the lock files list every distribution, so pip resolves nothing.

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "vaultedge needs Python 3.11 or newer: make PYTHON=/path/to/python3.12 ..." >&2; exit 1; }
	@echo "creating $(VENV) ..." >&2
	@$(PYTHON) -m venv $(VENV) || \
		{ echo "this Python cannot create virtual environments: install its venv package (python3-venv)" >&2; exit 1; }
	@touch $@

$(VENV)/.serve: requirements-serve.txt pyproject.toml $(VENV)/.python
	@echo "installing the locked requirements ..." >&2
	@$(BIN)/python $(PIP) --no-deps --require-hashes -r requirements-serve.txt
	@$(BIN)/python $(PIP) --no-deps --no-build-isolation --no-index -e .
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.serve
	@echo "installing the locked development requirements ..." >&2
	@$(BIN)/python $(PIP) --no-deps --require-hashes -r requirements-dev.txt
	@touch $@

# Separate, because aws-sam-cli pins its dependencies. It contains the Lambda emulator that the tests use.
$(SAM)/.installed: requirements-sam.txt
	@echo "creating $(SAM) with the AWS SAM CLI ..." >&2
	@$(PYTHON) -m venv $(SAM)
	@$(SAM)/bin/python $(PIP) --no-deps --require-hashes -r requirements-sam.txt
	@touch $@

# DynamoDB emulator for the tests. Separate, because it pins another botocore; pinned, because it is released daily.
$(AWS)/.installed: requirements-aws.txt
	@echo "creating $(AWS) with ministack ..." >&2
	@$(PYTHON) -m venv $(AWS)
	@$(AWS)/bin/python $(PIP) --no-deps --require-hashes -r requirements-aws.txt
	@touch $@

# Only for `make sam-validate`: installing these template checks takes a minute.
$(LINT)/.installed: requirements-lint.txt
	@echo "creating $(LINT) with checkov ..." >&2
	@$(PYTHON) -m venv $(LINT)
	@$(LINT)/bin/python $(PIP) --no-deps --require-hashes -r requirements-lint.txt
	@touch $@

# The npm package openai. Without node, the tests that use it are skipped.
$(NODE)/.installed: tests/sdk/node/package-lock.json
	@mkdir -p $(NODE)
	@cp tests/sdk/node/package.json tests/sdk/node/package-lock.json $(NODE)
	@if command -v npm >/dev/null; then cd $(NODE) && npm ci --silent --ignore-scripts --no-audit --no-fund; fi \
		|| echo "npm install failed: the tests that need node are skipped" >&2
	@touch $@

# Separate, because the gateway must not depend on what client libraries need. `-W ignore` hides their warnings.
$(CLIENTS)/.installed: requirements-clients.txt
	@echo "creating $(CLIENTS) with the client libraries ..." >&2
	@$(PYTHON) -m venv $(CLIENTS)
	@$(CLIENTS)/bin/python $(PIP) --no-deps --require-hashes -r requirements-clients.txt
	@touch $@

$(CURRENT)/.installed: requirements-current-clients.txt
	@echo "creating $(CURRENT) with client libraries on the vendors' current SDKs ..." >&2
	@$(PYTHON) -m venv $(CURRENT)
	@$(CURRENT)/bin/python $(PIP) --no-deps --require-hashes -r requirements-current-clients.txt
	@touch $@

$(NODE_CLIENTS)/.installed: tests/clients/node/package-lock.json
	@mkdir -p $(NODE_CLIENTS)
	@cp tests/clients/node/package.json tests/clients/node/package-lock.json $(NODE_CLIENTS)
	@cd $(NODE_CLIENTS) && npm ci --silent --ignore-scripts --no-audit --no-fund
	@touch $@

# Coding agents. npm copies the programs of two packages into place in scripts after the installation. `npm ci` refuses
# the lock, because an agent names optional packages that were never published; `npm install` follows it all the same.
$(AGENTS)/.installed: $(wildcard tests/agents/lock/*)
	@mkdir -p $(AGENTS)/node
	@cp tests/agents/lock/package.json tests/agents/lock/package-lock.json $(AGENTS)/node
	@cd $(AGENTS)/node && npm install --no-save --silent --ignore-scripts --no-audit --no-fund \
		&& npm rebuild --silent --no-audit --no-fund @anthropic-ai/claude-code opencode-ai
	@for name in aider llm; do \
		$(PYTHON) -m venv $(AGENTS)/$$name && $(AGENTS)/$$name/bin/python $(PIP) --no-deps --require-hashes \
			-r tests/agents/lock/requirements-$$name.txt || exit 1; \
	done
	@touch $@

# The browser driver and the gateway's own requirements.
$(CONSOLE)/.installed: requirements-console.txt
	@echo "creating $(CONSOLE) with Playwright ..." >&2
	@$(PYTHON) -m venv $(CONSOLE)
	@$(CONSOLE)/bin/python $(PIP) --no-deps --require-hashes -r requirements-console.txt
	@touch $@

# The original VaultEdge's Python package, to exchange vaults with. It needs Python 3.12; without it, its tests are
# skipped.
$(PEER)/.installed: requirements-dev.txt
	@rm -rf $(PEER) && mkdir -p $(PEER)
	@for python in $(PYTHON) $(PEER_PYTHONS); do \
		if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null; then \
			"$$python" -m venv $(PEER) && break; \
		fi; \
	done
	@awk '/^[a-z]/ {on = /^(vaultedge|$(PEER_NEEDS))==/} on' requirements-dev.txt > $(PEER)/requirements.txt
	@if $(PEER)/bin/python -m pip --version >/dev/null 2>&1; then \
		$(PEER)/bin/python $(PIP) --no-deps --require-hashes -r $(PEER)/requirements.txt; \
		else rm -rf $(PEER)/bin; echo "no Python 3.12 found: tests against the original VaultEdge's package are skipped" >&2; fi
	@touch $@

PEER_PYTHONS := python3.12 python3.13 python3.14 $(wildcard $(HOME)/.pyenv/versions/3.1[2-9]*/bin/python)
PEER_NEEDS   := anyio|certifi|cffi|cryptography|h11|httpcore|httpx|idna|pycparser|sniffio|typing-extensions

$(LOCK)/.installed:
	@$(PYTHON) -m venv $(LOCK)
	@$(LOCK)/bin/python $(PIP) uv
	@touch $@

-include build.mk
