# Lambda: the targets that `sam build` calls for each function (BuildMethod: makefile), and the commands around it.
# Needs neither Docker nor Python 3.13: pip downloads wheels for the function's platform on any machine.

# The architecture chosen at the first deployment, from samconfig.toml.
DEPLOYED_ARCH := $(shell sed -n 's/.*Architecture=[^a-z]*\(arm64\|x86_64\).*/\1/p' samconfig.toml)
ARCH          ?= $(or $(DEPLOYED_ARCH),arm64)
LAMBDA_PYTHON := 3.13
LAMBDA_LIBS    = build/locked-$(ARCH)
WHEELS_arm64  := aarch64
WHEELS_x86_64 := x86_64
# Amazon Linux 2023 has glibc 2.34.
WHEELS         = $(foreach tag,manylinux_2_34 manylinux_2_28 manylinux2014,--platform $(tag)_$(WHEELS_$(ARCH)))
# Byte code must come from the function's Python version. Without that interpreter, functions compile at start.
COMPILERS     := $(SAM)/bin/python $(BIN)/python python$(LAMBDA_PYTHON) $(HOME)/.pyenv/versions/$(LAMBDA_PYTHON)*/bin/python
BUILDER        = $(firstword $(wildcard $(SAM)/bin/python $(BIN)/python) $(PYTHON))
BUNDLES       := stream admin upkeep
HERE          := $(if $(filter aarch64 arm64,$(shell uname -m)),arm64,x86_64)
COLD          := build/cold

.PHONY: deploy sam-validate sam-build sam-deploy invoke build-StreamFunction build-AdminFunction build-UpkeepFunction \
	lambda-artifact bundle bench-cold

sam-validate: $(SAM)/.installed $(LINT)/.installed $(VENV)/.dev ## check template.yaml: sam, cfn-lint, checkov
	@$(SAM)/bin/sam validate --lint
	@mkdir -p build && $(BIN)/python -m tests.handlers.sam_template > build/template.json
	@$(SAM)/bin/cfn-lint --regions eu-central-1 -- build/template.json
	@$(LINT)/bin/checkov --framework cloudformation --file template.yaml --compact --quiet --skip-download

# The first deployment asks for every parameter, with defaults, and writes the answers to samconfig.toml.
deploy: sam-build ## build and deploy to the AWS account of your credentials; asks for the parameters the first time
	@if grep -q parameter_overrides samconfig.toml; then $(SAM)/bin/sam deploy $(ARGS); \
		else $(SAM)/bin/sam deploy --guided --parameter-overrides Architecture=$(ARCH) $(ARGS); fi

invoke: $(VENV)/.dev $(SAM)/.installed ## invoke a function locally: EVENT=events/chat.json, FUNCTION=stream|admin|api|upkeep
	@$(BIN)/python -m tests.handlers.invoke $(if $(FUNCTION),--function $(FUNCTION)) $(or $(EVENT),events/chat.json)

sam-build: $(SAM)/.installed ## build the functions for ARCH=arm64 (default) or x86_64, without Docker
	@ARCH=$(ARCH) $(SAM)/bin/sam build --parameter-overrides Architecture=$(ARCH)

sam-deploy: sam-build ## deploy with the default parameters; asks before it changes anything
	@$(SAM)/bin/sam deploy --parameter-overrides Architecture=$(ARCH) $(ARGS)

build-StreamFunction: BUNDLE = stream
build-AdminFunction: BUNDLE = admin
build-UpkeepFunction: BUNDLE = upkeep
build-StreamFunction build-AdminFunction build-UpkeepFunction: lambda-artifact

# sam passes the output folder in ARTIFACTS_DIR. The bill of materials is written there and to build/.
lambda-artifact: $(LAMBDA_LIBS)/.installed
	@test -n "$(ARTIFACTS_DIR)" || { echo "ARTIFACTS_DIR is not set: run make sam-build" >&2; exit 1; }
	@$(BUILDER) -m tools.build_bundle $(BUNDLE) --libs $(LAMBDA_LIBS) --into "$(ARTIFACTS_DIR)" \
		--bill build/$(BUNDLE)-$(ARCH).cdx.json $(BUNDLE_ARGS) --compiler $(COMPILERS)

bundle: $(addprefix bundle-,$(BUNDLES)) ## write the functions as ZIP files to build/, with digests and bills of materials

bundle-%: $(LAMBDA_LIBS)/.installed
	@rm -rf build/bundle-$(ARCH)/$*
	@$(MAKE) --no-print-directory lambda-artifact BUNDLE=$* ARTIFACTS_DIR=build/bundle-$(ARCH)/$* \
		BUNDLE_ARGS="--zip build/$*-$(ARCH).zip"

$(LAMBDA_LIBS)/.installed: requirements.txt
	@rm -rf $(LAMBDA_LIBS) && mkdir -p $(LAMBDA_LIBS)
	@$(BUILDER) $(PIP) --no-compile --no-deps --require-hashes -r requirements.txt --target $(LAMBDA_LIBS) $(WHEELS) \
		--python-version $(LAMBDA_PYTHON) --implementation cp --only-binary=:all: --report $(LAMBDA_LIBS)/report.json
	@touch $@

# Needs Python 3.13, the functions' runtime version.
bench-cold: $(VENV)/.dev $(SAM)/.installed $(AWS)/.installed $(COLD)/.installed ## measure every function's cold start
	@$(MAKE) --no-print-directory bundle ARCH=$(HERE)
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m tests.bench.cold --python $(COLD)/venv/bin/python \
		--bundles build/bundle-$(HERE) --runtime $(COLD)/runtime --libs build/locked-$(HERE) $(ARGS)

# The parts that Lambda provides and a bundle does not contain: the interpreter and the runtime interface client.
$(COLD)/.installed: requirements-dev.txt
	@rm -rf $(COLD) && mkdir -p $(COLD)
	@for python in $(COMPILERS); do \
		if "$$python" -c 'import sys; sys.exit("%d.%d" % sys.version_info[:2] != "$(LAMBDA_PYTHON)")' 2>/dev/null; then \
			"$$python" -m venv --without-pip $(COLD)/venv; break; \
		fi; \
	done; test -d $(COLD)/venv || { echo "needs Python $(LAMBDA_PYTHON)" >&2; exit 1; }
	@awk '/^[a-z]/ {on = /^(awslambdaric|simplejson|snapshot-restore-py)==/} on' requirements-dev.txt > $(COLD)/runtime.txt
	@$(BUILDER) $(PIP) --no-deps --require-hashes -r $(COLD)/runtime.txt --target $(COLD)/runtime --only-binary=:all: \
		--python-version $(LAMBDA_PYTHON) --implementation cp $(foreach tag,manylinux_2_34 manylinux_2_28 manylinux2014,--platform $(tag)_$(WHEELS_$(HERE)))
	@touch $@
