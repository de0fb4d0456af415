# Lambda: what `sam build` calls for each function (BuildMethod: makefile), and the commands around it.
# Needs neither Docker nor a Python 3.13: wheels are fetched for the function's platform, whatever this machine is.

ARCH          ?= arm64
LAMBDA_PYTHON := 3.13
LAMBDA_LIBS    = build/lambda-$(ARCH)
WHEELS_arm64  := aarch64
WHEELS_x86_64 := x86_64
# glibc of Amazon Linux 2023 is 2.34
WHEELS         = $(foreach tag,manylinux_2_34 manylinux_2_28 manylinux2014,--platform $(tag)_$(WHEELS_$(ARCH)))
# The interpreter that byte code is made with has to be the function's; without one the functions compile on start.
COMPILERS     := $(SAM)/bin/python $(BIN)/python python$(LAMBDA_PYTHON) $(HOME)/.pyenv/versions/$(LAMBDA_PYTHON)*/bin/python
AWS_SERVICES  := dynamodb secretsmanager sns sso sso-oidc sts

.PHONY: sam-validate sam-build sam-deploy invoke build-StreamFunction build-AdminFunction build-UpkeepFunction \
	lambda-artifact

sam-validate: $(SAM)/.installed ## check template.yaml as AWS would
	@$(SAM)/bin/sam validate --lint

sam-build: $(SAM)/.installed ## build the functions for ARCH=arm64 (default) or x86_64, without Docker
	@ARCH=$(ARCH) $(SAM)/bin/sam build --parameter-overrides Architecture=$(ARCH)

sam-deploy: sam-build ## deploy to the AWS account of your credentials; asks before it changes anything
	@$(SAM)/bin/sam deploy --parameter-overrides Architecture=$(ARCH) $(ARGS)

build-StreamFunction build-AdminFunction build-UpkeepFunction: lambda-artifact

# sam names the folder to fill in ARTIFACTS_DIR.
lambda-artifact: $(LAMBDA_LIBS)/.installed
	@test -n "$(ARTIFACTS_DIR)" || { echo "called by sam build: use make sam-build" >&2; exit 1; }
	@cp -R $(LAMBDA_LIBS)/. "$(ARTIFACTS_DIR)"
	@cp -R vaultcore handlers "$(ARTIFACTS_DIR)"
	@cd "$(ARTIFACTS_DIR)" && rm -f .installed && find vaultcore handlers -name __pycache__ -prune -exec rm -rf {} +
	@for python in $(COMPILERS); do \
		if "$$python" -c 'import sys; sys.exit("%d.%d" % sys.version_info[:2] != "$(LAMBDA_PYTHON)")' 2>/dev/null; then \
			exec "$$python" -m compileall -q -j 2 -s "$(ARTIFACTS_DIR)" -p /var/task \
				--invalidation-mode unchecked-hash "$(ARTIFACTS_DIR)"; \
		fi; \
	done; echo "no Python $(LAMBDA_PYTHON) here: cold starts will compile (about twice as long)" >&2

$(LAMBDA_LIBS)/.installed: requirements.txt
	@rm -rf $(LAMBDA_LIBS) && mkdir -p $(LAMBDA_LIBS)
	@$(firstword $(wildcard $(SAM)/bin/python $(BIN)/python) $(PYTHON)) $(PIP) --no-compile --no-deps --require-hashes \
		-r requirements.txt --target $(LAMBDA_LIBS) $(WHEELS) --python-version $(LAMBDA_PYTHON) \
		--implementation cp --only-binary=:all:
	@cd $(LAMBDA_LIBS) && rm -rf bin && find . -name __pycache__ -prune -exec rm -rf {} + \
		&& find . -name tests -type d -prune -exec rm -rf {} + && find . -name '*.pth' -delete \
		&& find botocore/data -mindepth 1 -maxdepth 1 -type d $(foreach name,$(AWS_SERVICES),! -name $(name)) \
			-exec rm -rf {} + && rm -rf boto3/examples
	@touch $@
