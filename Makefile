# Everything that is built, run and proved here has a target; make help lists them.

BIN      ?= bin
FUZZTIME ?= 2m
BENCH    ?=
SCALE    ?=

GOLANGCI_LINT_VERSION := v2.15.0

# Terraform 1.5.7 is the oldest that build/terraform takes, and the last under the
# MPL. Releases of the provider of Vault are no versions of a module: this is 5.9.0.
TERRAFORM_VERSION       := v1.5.7
TERRAFORM_VAULT_VERSION := v1.9.1-0.20260422134934-5e9fcd457a99
TERRAFORM               ?= $(abspath $(BIN))/terraform-$(TERRAFORM_VERSION)
TERRAFORM_VAULT         := $(abspath $(BIN))/terraform-provider-vault-$(TERRAFORM_VAULT_VERSION)

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X github.com/coredns/coredns/coremain.GitCommit=$(VERSION) -X main.version=$(VERSION)

# Debian keeps unbound and others where only root looks for commands.
export PATH := $(PATH):/usr/sbin:/sbin

# go-build DIRECTORY PACKAGE builds the program of a package of the module in
# DIRECTORY. It needs no C compiler and no git: the version comes from VERSION.
go-build = CGO_ENABLED=0 go build -C $(1) -trimpath -buildvcs=false -tags grpcnotrace \
	-ldflags '$(LDFLAGS)' -o $(abspath $@) $(2)

# go-install MODULE VERSION installs the program of a module at a version, by the
# requirements of that module alone.
go-install = GOBIN=$(abspath $(BIN)) CGO_ENABLED=0 go install -trimpath -ldflags '-s -w' $(1)@$(2) && \
	mv $(BIN)/$(notdir $(1)) $@

.PHONY: build run demo test terraform bench scale lint fuzz clean help tools FORCE
.DEFAULT_GOAL := build

build: $(BIN)/coredns $(BIN)/persistctl ## Build bin/coredns and bin/persistctl

# CoreDNS takes a port that another CoreDNS has, and the two share the queries.
run: build ## Serve corefile.example on 127.0.0.1:1053
	@port=$$(sed -n 's/^\.:\([0-9]*\) .*/\1/p' corefile.example) && ! bash -c ": </dev/tcp/127.0.0.1/$$port" 2>/dev/null || \
		{ echo "Something serves on port $$port already, and would get half of the queries: stop it, or write another port in corefile.example"; exit 1; }
	$(BIN)/coredns -conf corefile.example

demo: build $(BIN)/vaultd tools ## From a policy in a real Vault to a wildcard certificate, step by step
	go run -C test/acme ./cmd/demo -bin $(abspath $(BIN))

test: build $(BIN)/vaultd $(BIN)/vault tools ## Run everything that proves the project, installing what it needs where it may
	@unformatted=$$(gofmt -l .) && test -z "$$unformatted" || { echo "Not formatted, run gofmt -w:" $$unformatted; exit 1; }
	go vet ./...
	go vet -C test/acme ./...
	go vet -C test/bench ./...
	go vet -C test/vaultd ./...
	go test -race -timeout 30m ./...
	go test ./test/flood -flood 20s -v
	go test ./test/chaos -chaos 60s -v
	go test -v -timeout 30m ./test/conformance/years
	go test -C test/acme -timeout 20m ./...
	go test -C test/bench ./...
	go test -C test/vaultd ./...

terraform: $(BIN)/vaultd $(filter /%,$(TERRAFORM)) $(TERRAFORM_VAULT) ## Apply build/terraform to a real Vault, by Terraform or what TERRAFORM names, such as tofu
	go test -v -count 1 ./build/persistctl -run Terraform -terraform $(TERRAFORM) -terraform-vault $(TERRAFORM_VAULT)

bench: $(BIN)/bench-coredns tools ## Print how many signed answers a core gives, beside its peers
	go run -C test/bench . -server $(abspath $(BIN))/bench-coredns $(BENCH)

scale: $(BIN)/coredns $(BIN)/vaultd ## Print what a million names cost, read from a real Vault
	go run -C test/bench ./scale -server $(abspath $(BIN))/coredns $(SCALE)

lint: $(BIN)/golangci-lint-$(GOLANGCI_LINT_VERSION) ## Run the linters of .golangci.yml, and shellcheck
	@test/need.sh shellcheck:shellcheck
	shellcheck .ci/run test/*.sh
	$< run ./...
	cd test/vaultd && $(abspath $<) run --config $(CURDIR)/.golangci.yml ./...
	cd test/acme && $(abspath $<) run --config $(CURDIR)/.golangci.yml ./...
	cd test/bench && $(abspath $<) run --config $(CURDIR)/.golangci.yml ./...

fuzz: ## Run each fuzz target for FUZZTIME (2m)
	test/fuzz.sh $(FUZZTIME)

clean: ## Remove what make has built
	rm -rf $(BIN)

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# The commands that tests, demo and benchmark call, with their Debian packages.
tools:
	@test/need.sh gcc:gcc dig:bind9-dnsutils delv:bind9-dnsutils dnssec-verify:bind9-utils \
		unbound:unbound named:bind9 pdns_recursor:pdns-recursor kresd:knot-resolver nsd:nsd \
		faketime:faketime ldns-verify-zone:ldnsutils kzonecheck:knot-dnssecutils dnsviz:dnsviz \
		dnsperf:dnsperf taskset:util-linux openssl:openssl

# Programs are built each time: whether there is anything to do, go knows best.
$(BIN)/coredns: FORCE
	$(call go-build,.,./build/coredns)

$(BIN)/persistctl: FORCE
	$(call go-build,.,./build/persistctl)

$(BIN)/vaultd: FORCE
	$(call go-build,test/vaultd,.)

$(BIN)/vault: FORCE
	$(call go-build,test/vaultd,./cli)

$(BIN)/bench-coredns: FORCE
	$(call go-build,test/bench,./server)

$(abspath $(BIN))/terraform-$(TERRAFORM_VERSION):
	$(call go-install,github.com/hashicorp/terraform,$(TERRAFORM_VERSION))

$(TERRAFORM_VAULT):
	$(call go-install,github.com/hashicorp/terraform-provider-vault,$(TERRAFORM_VAULT_VERSION))

$(BIN)/golangci-lint-$(GOLANGCI_LINT_VERSION):
	$(call go-install,github.com/golangci/golangci-lint/v2/cmd/golangci-lint,$(GOLANGCI_LINT_VERSION))
