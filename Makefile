# Every target installs what it needs first, from the distribution's and PyPI's packages.
#
#   make try                                  the service alone on this machine, with a key and a page to try it on
#   make rehearse [RELEASE=bookworm|trixie]   deploy to a machine made for it, try that it serves, and say how to use it
#   make rehearse-down                        remove these machines
#   make proofs                               every proof on every release
#   make bench-brief                          each script of bench/ once, to see that it works
#   make test                                 every test there is, a rehearsal on each release and a brief bench among them
#   make reference                            docs/reference/, which is made of the code
#   make pictures                             docs/pictures/, of the try page
#   make dist                                 what is released: executable, .deb, list of crates, checksums
#   make lint                                 formatting, clippy, documentation, dependencies, shell scripts, rules and dashboard
#   make fuzz [FUZZ_SECONDS=20]               the parsers of what strangers send, each for so long
#   make build | image | bench                the static ocrctl | the service's image | the figures of docs/benchmarks.md
#   make engine                               a faster Tesseract for a service that is run without a container

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := build

RELEASE ?= trixie
IMAGE ?= ocr-service:latest
TARGET := $(shell rustc -vV | sed -n 's/^host: //p')
# Only for ocrctl: the service links the distribution's Tesseract. `--target` keeps the flag from build scripts.
STATIC := CARGO_TARGET_$(shell echo $(TARGET) | tr a-z- A-Z_)_RUSTFLAGS="-C target-feature=+crt-static"
# The tests of transport and session start sshd, make accounts and mount: as root, by sudo for those who are not.
AS_ROOT := $(if $(filter 0,$(shell id -u)),,CARGO_TARGET_$(shell echo $(TARGET) | tr a-z- A-Z_)_RUNNER="sudo --preserve-env")
TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
# Of ocrctl; the service has the release profile.
OCRCTL_PROFILE ?= quick
OCRCTL = $(TARGET_DIR)/$(TARGET)/$(OCRCTL_PROFILE)/ocrctl
# Everything in crates/: ocrctl, and the rehearsal beside it.
PACKAGES := $(patsubst crates/%,--package=%,$(wildcard crates/*))
CARGO_OCRCTL = --profile $(OCRCTL_PROFILE) --locked --target $(TARGET) $(PACKAGES)
# Everything in service/: the service, and the crates that it is made of.
CARGO_SERVICE := --release --locked -p ocr-service $(patsubst service/%/Cargo.toml,--package=ocr-%,$(filter-out %/fuzz/Cargo.toml,$(wildcard service/*/Cargo.toml)))

.PHONY: build
build:
	vagrant/install-deps.sh build
	$(STATIC) cargo build $(CARGO_OCRCTL)

.PHONY: try
try:
	vagrant/install-deps.sh build try
	service/try.sh

# The document on them and the drawing of the architecture are made by hand.
.PHONY: pictures
pictures:
	vagrant/install-deps.sh build test
	service/try.sh docs/pictures/make.py

# `make dist DIST_PROFILE=quick` packages what `make build` has built.
DIST_PROFILE ?= small
.PHONY: dist
dist:
	vagrant/install-deps.sh build dist
	$(STATIC) cargo build --profile $(DIST_PROFILE) --locked --target $(TARGET) -p ocrctl
	rm -rf $(TARGET_DIR)/dist
	packaging/dist.sh $(TARGET_DIR)/$(TARGET)/$(DIST_PROFILE)/ocrctl $(TARGET_DIR)/dist
	packaging/test.sh $(TARGET_DIR)/dist

.PHONY: docker
docker:
	vagrant/install-deps.sh rehearse
	vagrant/docker-engine.sh

.PHONY: image
image: docker
	vagrant/ahead.sh $(RELEASE) & ahead=$$!; trap 'kill $$ahead 2>/dev/null || true' EXIT; \
	$(MAKE) OCRCTL_PROFILE=$(OCRCTL_PROFILE) build && wait $$ahead && $(OCRCTL) build --image $(IMAGE)

# One build for ocrctl and the service, which use many crates in common; the service's image is made of what it has compiled.
# `ocrctl build`, which compiles in an image, would take twice as long.
NATIVE := $(TARGET_DIR)/quick
.PHONY: rehearse
rehearse: docker
	vagrant/ahead.sh --native $(RELEASE) & ahead=$$!; trap 'kill $$ahead 2>/dev/null || true' EXIT; \
	vagrant/install-deps.sh build && \
	RUSTC_WORKSPACE_WRAPPER=$(CURDIR)/vagrant/rustc.sh cargo build --profile quick --locked $(PACKAGES) -p ocr-service && \
	service/fetch-pdfium.sh $(NATIVE) && service/fetch-pp-ocr.sh $(NATIVE) && \
	wait $$ahead && service/native-image.sh $(NATIVE) $(IMAGE)
	$(NATIVE)/ocrctl rehearse --smoke --release $(RELEASE) --image $(IMAGE) --keep

.PHONY: rehearse-down
rehearse-down:
	for state in .rehearsal/*/; do \
	  [ ! -e "$$state/settings" ] || env -u RELEASE OCRCTL_REHEARSAL_DIR="$$state" vagrant/machines.sh down --all; \
	done
	docker image ls --quiet 'ocrctl-rehearsal/*' | sort -u | xargs --no-run-if-empty docker image rm --force >/dev/null
	rm -rf .rehearsal

.PHONY: test
test: test-ocrctl test-service test-rehearsal

.PHONY: test-ocrctl
test-ocrctl:
	vagrant/install-deps.sh build test
	$(STATIC) $(AS_ROOT) cargo test $(CARGO_OCRCTL)

.PHONY: reference
reference:
	vagrant/install-deps.sh build
	$(STATIC) OCRCTL_WRITE_REFERENCE=1 cargo test $(CARGO_OCRCTL) --lib reference::

.PHONY: test-service
test-service:
	vagrant/install-deps.sh build test
	service/fetch-pdfium.sh
	service/fetch-pp-ocr.sh
	service/tests/python.sh
	cargo test $(CARGO_SERVICE)

# What bench/codes.sh starts, as the tests build it: after these, it is there.
define BENCH_SERVICE
vagrant/install-deps.sh build test
service/fetch-pdfium.sh
service/fetch-pp-ocr.sh
cargo test $(CARGO_SERVICE) --no-run
endef

# What goes on inside ocrctl alone is proven on one release.
LESS := --skip 'killed at every step' --skip 'SSH off' --skip 'several hosts' --skip 'what goes wrong' --skip 'with a probe' --skip 'every kind of resource' --skip 'in a runtime of'
.PHONY: test-rehearsal
test-rehearsal: image
	$(BENCH_SERVICE)
	vagrant/prove.sh --bench $(OCRCTL) $(IMAGE) $(LESS)

.PHONY: proofs
proofs: image
	vagrant/prove.sh $(OCRCTL) $(IMAGE)

# Beside the executable, which takes it instead of the distribution's.
.PHONY: engine
engine:
	vagrant/install-deps.sh build engine
	service/build-engine.sh $(TARGET_DIR)/release

# Ratios of one run; the machine should have nothing else to do.
.PHONY: bench
bench: OCRCTL_PROFILE = release
bench: image engine
	$(OCRCTL) rehearse --smoke --release $(RELEASE) --image $(IMAGE) --keep
	$(BENCH_SERVICE)
	bench/all.sh $(OCRCTL) .rehearsal/$(RELEASE)
	for bench in page throughput command overhead latency hang_up memory; do cargo bench -p ocr-service --bench $$bench; done

.PHONY: bench-brief
bench-brief: rehearse
	$(BENCH_SERVICE)
	bench/all.sh --brief $(NATIVE)/ocrctl .rehearsal/$(RELEASE)

# Two at a time: each takes one core. What one finds is under service/fuzz/artifacts.
FUZZ_SECONDS ?= 20
FUZZ := RUSTC_BOOTSTRAP=1 cargo fuzz
FUZZ_FLAGS := --fuzz-dir service/fuzz --sanitizer none
.PHONY: fuzz
fuzz:
	vagrant/install-deps.sh build
	cargo fuzz --version >/dev/null 2>&1 || CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=off cargo install --locked cargo-fuzz
	cargo fetch --locked --manifest-path service/fuzz/Cargo.toml
	$(FUZZ) build $(FUZZ_FLAGS)
	ls service/fuzz/seeds | xargs -P 2 -I TARGET sh -c 'mkdir -p service/fuzz/corpus/TARGET && \
	  $(FUZZ) run $(FUZZ_FLAGS) TARGET service/fuzz/corpus/TARGET service/fuzz/seeds/TARGET -- \
	  -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=2048 -verbosity=0'

.PHONY: lint
lint:
	vagrant/install-deps.sh build test
	cargo fmt --all --check
	$(STATIC) cargo clippy $(CARGO_OCRCTL) --all-targets -- -D warnings
	cargo clippy $(CARGO_SERVICE) --all-targets -- -D warnings
	$(STATIC) RUSTDOCFLAGS="-D warnings" cargo doc $(CARGO_OCRCTL) --no-deps --document-private-items
	RUSTDOCFLAGS="-D warnings" cargo doc $(CARGO_SERVICE) --no-deps --document-private-items
	cargo deny --version >/dev/null 2>&1 || CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=off cargo install --locked cargo-deny
	cargo fetch --locked # those of other platforms too, which are judged as well
	cargo deny --offline check bans licenses sources
	monitoring/check.sh
	shellcheck monitoring/*.sh vagrant/*.sh packaging/*.sh service/*.sh service/tests/*.sh bench/*.sh .ci/run
