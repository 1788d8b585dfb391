# Holdfast. `make run` and `make test` need nothing but Debian 12 and Swift 6: they install the rest.
SHELL := /bin/bash
.DEFAULT_GOAL := help
DATA ?= data
CONFIGURATION ?= release
BUILD := swift build -c $(CONFIGURATION)
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
BUILD_PACKAGES := libssl-dev libjwt-dev libcurl4-openssl-dev libsqlite3-dev pkg-config make
RUN_PACKAGES := openssl curl ca-certificates
TEST_PACKAGES := nghttp2-client python3 python3-venv strace python3-prometheus-client chromium
BENCH_PACKAGES := nginx-light nghttp2-client python3 procps

.PHONY: help
help: ## what there is to make
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

# $(call install,packages): installs those that are missing, with sudo unless root.
define install
	@missing=""; for package in $(1); do dpkg -s $$package >/dev/null 2>&1 || missing="$$missing $$package"; done; \
	if [ -n "$$missing" ]; then echo "Installing$$missing"; \
	  $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get update -qq && \
	  $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; fi
	@command -v swift >/dev/null || { echo "Swift 6 is needed: https://www.swift.org/install/linux" >&2; exit 1; }
endef

.PHONY: build
build: ## build the server
	$(call install,$(BUILD_PACKAGES) $(RUN_PACKAGES))
	$(BUILD) --product holdfast

.PHONY: run
run: build ## make a demo installation in ./data, start it, prove it, print how to use it
	scripts/run-demo "$$($(BUILD) --show-bin-path)/holdfast" "$(DATA)"

.PHONY: test
test: ## run all tests, one after the other: some look at the clock; WYCHEPROOF=<folder of its JSON files> adds those
	$(call install,$(BUILD_PACKAGES) $(RUN_PACKAGES) $(TEST_PACKAGES))
	$(MAKE) --no-print-directory conformance || echo "WARNING: Tests/Peers/requirements.txt could not be installed: the tests that need it will be SKIPPED" >&2
	swift build --build-tests
	scripts/run-tests

.PHONY: conformance
conformance: .build/conformance/installed ## install what the tests' peers need from PyPI, into .build/conformance

.build/conformance/installed: Tests/Peers/requirements.txt
	python3 -m venv .build/conformance
	.build/conformance/bin/pip install --quiet --disable-pip-version-check --requirement $<
	touch $@

.PHONY: bench
bench: ## measure against nginx in the same run
	$(call install,$(BUILD_PACKAGES) $(RUN_PACKAGES) $(BENCH_PACKAGES))
	$(BUILD) --product holdfast
	$(BUILD) --product holdfast-crypto-bench
	Benchmarks/run "$$($(BUILD) --show-bin-path)/holdfast"
	Benchmarks/cse "$$($(BUILD) --show-bin-path)/holdfast"
	Benchmarks/keys "$$($(BUILD) --show-bin-path)/holdfast"

.PHONY: memcheck
memcheck: ## run the wrapper and TLS tests under AddressSanitizer
	$(call install,$(BUILD_PACKAGES) $(RUN_PACKAGES) $(TEST_PACKAGES))
	swift build --build-tests --sanitize=address --scratch-path .build-asan
	# Leaks are looked for by the tests themselves; the sanitiser ignores mlock and catches SIGSEGV, on which two tests rely.
	ASAN_OPTIONS=detect_leaks=0 swift test --skip-build --no-parallel --sanitize=address --scratch-path .build-asan \
	  --filter 'PrimitivesTests\.(TLS|Secret|SharedSecret|AES|XAES|RSA|EC|Digest|HMAC|HKDF|Certificate|JSON|Base64)' --skip 'SecretMemoryTests/(guarded|fence)'

.PHONY: clean
clean: ## remove what was built
	rm -rf .build .build-asan
