# Gatehouse. `make` alone lists what there is.
# Only Go, make and git are needed for everything but `lint` (built from its module on first use) and `race` (needs a C compiler).

GO       ?= go
LINT     := $(GO) tool -modfile=packaging/tools/go.mod golangci-lint
# No "..." ever matches a folder called testdata: ours is named by itself.
PACKAGES := ./... ./testdata
PROGRAMS := $(patsubst %/main.go,./%,$(wildcard agent/cmd/*/main.go cloud/cmd/*/main.go))

VERSION  ?= $(or $(shell git describe --tags --always --dirty 2>/dev/null),unknown)
COMMIT   ?= $(or $(shell git rev-parse --short=12 HEAD 2>/dev/null),unknown)
FLAGS    := $(shell sed -n '/^-/p' packaging/buildflags)
BUILD    := CGO_ENABLED=0 $(GO) build $(FLAGS) -ldflags '-s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT)'

# The agent must fit a small box: bytes, linux/arm64, stripped.
AGENT_MAX := 12000000
FUZZTIME  ?= 20s

.PHONY: help
help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:[^#]*## /\t/' | expand -t 10

.PHONY: demo
demo: build ## the whole system on this machine; ONCE=1 plays the story once and the exit code tells
	ONCE='$(ONCE)' $(GO) run ./packaging/demo

.PHONY: dist
dist: ## Debian packages of the gateway for arm64, armhf and amd64, into dist/
	VERSION='$(VERSION)' COMMIT='$(COMMIT)' GO='$(GO)' sh packaging/deb/build.sh dist

.PHONY: test
test: ## every test; those that need a real server are skipped, loudly, where it is missing
	@sh packaging/checks/realservers.sh
	$(GO) test $(PACKAGES)

.PHONY: faults
faults: ## whole processes on their worst days, judged from outside; ROUNDS=n (300), SEED=s, IMAGES=none; one summary line last
	@ROUNDS='$(ROUNDS)' SEED='$(SEED)' IMAGES='$(IMAGES)' $(GO) run ./packaging/faults

.PHONY: race
race: ## every test under the race detector
	CGO_ENABLED=1 $(GO) test -race $(PACKAGES)

.PHONY: check
check: format vet modules rules lint ## everything that reads the code instead of running it

.PHONY: format
format: ## names files that are not as gofmt writes them
	@unformatted=$$(gofmt -l agent cloud protocol firmware-bridge packaging testdata) && \
	if [ -n "$$unformatted" ]; then echo "not as gofmt writes it (run gofmt -w): $$unformatted"; exit 1; fi

.PHONY: vet
vet: ## go vet
	$(GO) vet $(PACKAGES)

.PHONY: modules
modules: ## go.mod says what the code uses, and what was downloaded is what was meant
	$(GO) mod tidy -diff
	$(GO) mod verify

.PHONY: rules
rules: ## the rules of the house: imports, sizes, names
	$(GO) test -count=1 ./packaging/checks/...

.PHONY: lint
lint: ## golangci-lint, at the version of packaging/tools
	$(LINT) run --config packaging/lint/golangci.yml $(PACKAGES)

.PHONY: build
build: ## the programs for this machine, into bin/
	@echo building into bin/
	@$(BUILD) -o bin/ $(PROGRAMS)
	@$(BUILD) -o bin/gatehouse-bench ./packaging/bench

.PHONY: bench
bench: build ## what the gateway costs and how fast it is, on the programs themselves; RUN=name for some of it
	bin/gatehouse-bench $(if $(RUN),--run '$(RUN)')

ARM_PACKAGES := ./protocol ./protocol/access/... ./firmware-bridge/... \
	./agent/internal/plan ./agent/internal/clock ./agent/internal/config ./agent/internal/store ./agent/internal/outbox

# Tests that start themselves again need the emulator's name: the kernel does not know the other machine's programs.
# Left out: ExclusiveMode, because qemu-user does not know the request that asks for it (TIOCGEXCL: function not implemented);
# StoredInTime, because an emulator's speed is no box's (10,000 people took 13 s of the allowed 10 on a busy machine).
.PHONY: arm
arm: ## tests of the pure packages, the store and serial ports as 32-bit ARM, under qemu-arm-static where it is installed
	@command -v qemu-arm-static > /dev/null || { echo "SKIPPED, real server missing: qemu-arm-static"; [ "$(REQUIRE_REAL)" != 1 ]; }
	! command -v qemu-arm-static > /dev/null || GATEHOUSE_TEST_EMULATOR=qemu-arm-static GOOS=linux GOARCH=arm GOARM=6 CGO_ENABLED=0 \
		$(GO) test -exec qemu-arm-static -skip 'ExclusiveMode|StoredInTime' $(ARM_PACKAGES)

.PHONY: cross
cross: ## the agent for the boxes it runs on, into bin/linux-*/, and its size
	@GOOS=linux GOARCH=amd64 $(BUILD) -o bin/linux-amd64/ ./agent/cmd/gatehouse-agent
	@GOOS=linux GOARCH=arm64 $(BUILD) -o bin/linux-arm64/ ./agent/cmd/gatehouse-agent
	@GOOS=linux GOARCH=arm GOARM=6 $(BUILD) -o bin/linux-arm6/ ./agent/cmd/gatehouse-agent
	@GOOS=linux GOARCH=arm GOARM=7 $(BUILD) -o bin/linux-arm7/ ./agent/cmd/gatehouse-agent
	@wc -c bin/linux-*/gatehouse-agent
	@size=$$(wc -c < bin/linux-arm64/gatehouse-agent); echo "linux/arm64: $$size bytes, limit $(AGENT_MAX)"; [ "$$size" -le $(AGENT_MAX) ]

.PHONY: fuzz
fuzz: ## every fuzz test for FUZZTIME (20s) each
	@grep -rlE '^func Fuzz[A-Z]' --include='*_test.go' . | sort | while read -r file; do \
		for name in $$(sed -nE 's/^func (Fuzz[A-Za-z0-9_]+)\(.*/\1/p' "$$file"); do \
			echo "$$name ($$file)"; \
			$(GO) test "$$(dirname "$$file")" -run '^$$' -fuzz "^$$name$$" -fuzztime $(FUZZTIME) < /dev/null || exit 1; \
		done; \
	done

.PHONY: mission
mission: ## one line a row of the mission: passed, failed, not built yet
	@$(GO) test -json $(PACKAGES) | $(GO) run ./packaging/checks/mission

.PHONY: clean
clean: ## removes what was built
	rm -rf bin
