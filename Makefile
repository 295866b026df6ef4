# `make help` lists what there is. `run`, `receiver` and `test` need Go and make, nothing else.

GOLANGCI := v2.15.0

# No C compiler is needed; only the race detector wants one.
export CGO_ENABLED := 0

# Without the folder's name in it, what was compiled in one clone of the repository is found again in another.
export GOFLAGS := $(filter-out -trimpath,$(shell go env GOFLAGS)) -trimpath

# Every run of tests is shown by gotestsum and counted by infra/checks/counts; COUNTS names a file that gets the line of
# counts too, and .ci/run adds them up. gotestsum is built without cgo, so that the race detector's run needs no second
# one. `make check` vets all there is: go test vetting the same again cost a sixth of its time from nothing. The longest
# package takes five minutes where nothing else runs, and go test's own ten minutes are not enough for a slow machine.
GOTEST = $(shell CGO_ENABLED=0 go tool -n gotestsum) --format=pkgname --format-icons=text --format-hide-empty-pkg \
	--jsonfile=.bin/$@.json --post-run-command=infra/checks/counts -- -vet=off -timeout=25m $(if $(CI),-count=1)

.DEFAULT_GOAL := help

.PHONY: help
help: ## print the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-18s %s\n", $$1, $$2 }' Makefile

.PHONY: run
run: ## the whole system on this machine, on 127.0.0.1 (PORT, DATA_DIR, ADMIN_KEY, CLOCK_SPEED, ALLOW_PRIVATE_TARGETS; ENGINE=aws-local: on the stand-ins for AWS)
	@test -x .bin/hookline || echo 'First build: about a minute on two cores. After that it takes a second or two.'
	@go build -o .bin/hookline ./infra/local$(if $(filter aws-local,$(ENGINE)),/awslocal) && go build -o .bin/receiver ./infra/receiver
	@exec .bin/hookline

.PHONY: receiver
receiver: ## a receiver to try deliveries on: verifies, prints, fails on request
	@go build -o .bin/receiver ./infra/receiver
	@exec .bin/receiver

.PHONY: cli
cli: ## the command-line program hookline, for Linux, macOS and Windows, in .bin/cli
	@for os in linux darwin windows; do for arch in amd64 arm64; do \
		GOOS=$$os GOARCH=$$arch go build -trimpath -ldflags '-s -w' \
			-o .bin/cli/$$os-$$arch/hookline$$(test $$os = windows && echo .exe) ./infra/cli || exit; done; done
	@ls .bin/cli/*/*

.PHONY: test
test: ## every test that needs no other program
	@$(GOTEST) ./...

.PHONY: race
# SQLite is C that was translated to Go, memory and locks included: the detector learns nothing of use from its every
# access, and watching them cost half of the processor time of the tests that use it. The code that calls it, database/sql too, is watched.
race: export CGO_ENABLED := 1
race: ## the same tests under the race detector; needs a C compiler
	@$(GOTEST) -race -short -gcflags='modernc.org/...=-race=false' ./...

# The tests of the two packages that matter most leave their data apart from the others', so that no test runs twice.
COVER := $(CURDIR)/.bin/cover
cover_by = go test -vet=off -timeout=25m -short -coverpkg=./shared/... $(1) -args -test.gocoverdir=$(COVER)/$(2) >$(COVER)/log || { cat $(COVER)/log; exit 1; }

.PHONY: cover
cover: ## what the tests of shared/ cover of each package in it; delivery and ingest must be at 85 % by their own tests
	@rm -rf $(COVER) && mkdir -p $(COVER)/delivery $(COVER)/ingest $(COVER)/others
	@$(call cover_by,./shared/delivery,delivery)
	@$(call cover_by,./shared/ingest,ingest)
	@$(call cover_by,$$(go list ./shared/... | grep -v -e /shared/delivery$$ -e /shared/ingest$$),others)
	@echo 'By all tests of shared/:'
	@go tool covdata percent -i=$(COVER)/delivery,$(COVER)/ingest,$(COVER)/others
	@for own in delivery ingest; do \
		echo "shared/$$own by its own tests:"; \
		go tool covdata percent -i=$(COVER)/$$own -pkg=hookline/shared/$$own | awk '{ print; low = $$3 + 0 < 85 } END { exit low }' || exit; \
	done

.PHONY: conformance
conformance: export HOOKLINE_CONFORMANCE := 1
conformance: conformance-tools ## the tests against other people's programs, all of them; a skip fails
	@$(GOTEST) -count=1 ./infra/conformance/... ./shared/ecmajson

.PHONY: conformance-full
conformance-full: export HOOKLINE_FULL := 1
conformance-full: conformance ## the same with every page on every screen, and 20,000 cases of the API fuzzer

.PHONY: conformance-tools
conformance-tools: ## install what conformance needs: Node, Python, Java, strace and libraries
	@infra/conformance/install

.PHONY: screenshots
screenshots: conformance-tools ## pictures of every page of the console, wide and narrow, light and dark, in .screenshots, and the README's two
	@rm -rf .screenshots && mkdir .screenshots
	@HOOKLINE_CONFORMANCE=1 HOOKLINE_SCREENSHOTS=$(CURDIR)/.screenshots go test -count=1 -run '^TestScreenshots$$' ./infra/conformance/browser
	@ls .screenshots | wc -l | xargs printf '%s pictures in .screenshots\n'

# The SAM CLI that is installed, or one that `make` installs for itself.
SAM = $(or $(shell command -v sam),.cache/template/sam/bin/sam)

.PHONY: build
build: ## the functions as they are deployed, in .aws-sam/build
	@command -v sam >/dev/null || infra/template/install sam
	@$(SAM) build

.PHONY: deploy
deploy: build ## build, and deploy to your AWS account (ENV=dev, staging or prod of samconfig.toml)
	@$(SAM) deploy $(if $(ENV),--config-env $(ENV))

# `sam build` calls this for every function of template.yaml. The same source gives the same bytes.
build-%Function:
	GOOS=linux GOARCH=arm64 go build -tags lambda.norpc -trimpath -buildvcs=false -ldflags '-s -w' \
		-o $(ARTIFACTS_DIR)/bootstrap ./functions/$(shell echo $* | tr A-Z a-z)

.PHONY: bench
bench: ## speed and bill, side by side with what they are compared with, as tables; under ten minutes
	@go run ./infra/bench

.PHONY: bench-full
bench-full: ## the same, and what takes longer: a million deliveries, a million webhooks
	@go run ./infra/bench -full

# Both run one package after the other, because some print what they measured.
.PHONY: faults
faults: ## whether anything is lost, at full size, as a table: crashes, doubles, throttles, kills (SEED repeats one simulation)
	@$(call figures,./infra/faults/...)

.PHONY: attack
attack: conformance-tools ## whether anything gets in or out, at full size, as a table: targets, keys, forms, fuzzing
	@$(call figures,./infra/attack/... ./shared/httpapi)

figures = mkdir -p .bin && rm -f .bin/$@.figures && { \
	HOOKLINE_CONFORMANCE=1 HOOKLINE_FULL=1 FIGURES=$(CURDIR)/.bin/$@.figures go test -vet=off -count=1 -p=1 -timeout=6h -v $(1) >.bin/$@.log 2>&1; \
	status=$$?; grep -E '^(--- FAIL|FAIL|panic:)' .bin/$@.log; \
	printf '\n| what | figure |\n| --- | --- |\n'; awk -F '\t' '{ printf "| %s | %s |\n", $$1, $$2 }' .bin/$@.figures; \
	printf '\nThe whole log is in %s.\n' .bin/$@.log; exit $$status; }

.PHONY: check
check: check-format lint vuln tidy generated template ## format, go vet, staticcheck and more linters, vulnerabilities, go.mod, generated files, template.yaml

.PHONY: format
format: ## rewrite every Go file as gofumpt has it
	go tool gofumpt -w .

.PHONY: check-format
check-format:
	@out=$$(go tool gofumpt -l .) && { test -z "$$out" || { echo "not as gofumpt has them (make format):"; echo "$$out"; exit 1; }; }
	@echo 'gofumpt: ok'

# Built from source, apart from go.mod: its hundreds of modules are not ours. Two minutes the first time, and that only
# because it is not optimized: what one run gained by that would be less than it costs.
.bin/golangci-lint-$(GOLANGCI):
	@echo 'Building golangci-lint $(GOLANGCI): two minutes, once.'
	@mkdir -p .bin/golangci
	@GOBIN=$(CURDIR)/.bin/golangci go install -ldflags='-s -w' -gcflags='all=-N -l' -gcflags='std=' github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI)
	@mv .bin/golangci/golangci-lint $@

.PHONY: lint
lint: .bin/golangci-lint-$(GOLANGCI)
	@.bin/golangci-lint-$(GOLANGCI) run
	@echo 'go vet, staticcheck and the other linters: ok'

.PHONY: vuln
vuln:
	@go run ./infra/checks/vuln

.PHONY: tidy
tidy:
	@go mod tidy -diff
	@echo 'go mod tidy: ok'

# Compares the work tree before and after, so that it also works with changes not yet committed.
.PHONY: generated
generated:
	@mkdir -p .bin && { git status --porcelain; git diff; } > .bin/before
	@go generate ./...
	@{ git status --porcelain; git diff; } > .bin/after
	@cmp -s .bin/before .bin/after || { echo 'go generate changes files:'; diff .bin/before .bin/after; exit 1; }
	@echo 'generated files: ok'

.PHONY: template
template:
	@infra/template/install
	@infra/template/check
