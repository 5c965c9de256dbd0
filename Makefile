# The front door. Needs Node 20 or newer and npm; every target sets up by itself. On Windows: `npm run <target>`.
# More arguments: `make run ARGS="-port 9000"`, `make test ARGS=tests/unit/wire`.

ARGS ?=
BUN := node scripts/run.mjs

.DEFAULT_GOAL := help
.PHONY: help setup run test check fix build build-all docs bench licenses release clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install the packages of the lockfile and bun (the other targets do this too)
	@node scripts/setup.mjs

run: ## Start the proxy on config.example.yaml: no account needed, the first alias is answered by the mock backend
	@$(BUN) src/main.ts -config config.example.yaml $(ARGS)

test: ## Run all tests, the compiled binary included; ends with "N passed, N failed"
	@$(BUN) scripts/test.ts $(ARGS)

check: ## Format, lint, types, unused code and the quick tests: what every commit passes
	@$(BUN) scripts/check.ts

fix: ## Format and mend what the linter can mend
	@$(BUN) scripts/fix.ts

build: ## Build the binary for this machine into dist/
	@$(BUN) scripts/build.ts

build-all: ## Build and zip the binaries for all six targets into dist/, with SHA256SUMS and a bill of materials
	@$(BUN) scripts/build.ts --all

docs: ## Write the generated documents again
	@$(BUN) scripts/docs.ts

bench: ## Measure against HAProxy (Linux; see docs/performance.md)
	@$(BUN) bench/load.ts $(ARGS)

licenses: ## List the licences of what is inside the binary
	@$(BUN) scripts/licenses.ts

release: ## Check that everything is ready for a release, then build it and tag it
	@$(BUN) scripts/release.ts $(ARGS)

clean: ## Remove what the other targets made
	@node -e "for (const p of ['dist', '.cache', 'coverage']) fs.rmSync(p, { recursive: true, force: true })"
