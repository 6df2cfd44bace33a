# `make` lists the targets.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

# A .env reaches only the targets that run a program: it must not change what the tests see.
ifneq (,$(filter batch client run stop,$(MAKECMDGOALS)))
-include .env
LOG_FILE ?= $(if $(filter client,$(MAKECMDGOALS)),logs/app.log,sample_logs.txt)
# Beside each other in the checkout, so that `make clean` forgets both.
STATE_DIR ?= ./state
STORE_DIR ?= ./store
export
endif

BIN := node_modules/.bin
INSTALLED := node_modules/.package-lock.json
BUILT := dist/.built
LOCAL_SERVER := dist/scripts/local-server.js
# Folders too, so that a deleted file is noticed; the dots keep `test` the folder apart from `test` the target.
SOURCES := main.ts server-main.ts $(shell find src/. test/. bench/. scripts/. examples/. -type d -o -name '*.ts')

.PHONY: help batch client test chaos build run logs stop bench lint docs clean check-node

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

batch: build ## ship LOG_FILE (sample_logs.txt) to the log server, started here if none answers
	@node $(LOCAL_SERVER) ensure
	@node dist/main.js --mode batch
	@node $(LOCAL_SERVER) where

client: build ## follow LOG_FILE (logs/app.log), through rotation and restarts, until Ctrl-C
	@mkdir -p logs
	@node $(LOCAL_SERVER) ensure
	@node dist/main.js --mode continuous

test: build ## run all tests, with the coverage of what ships
	@rm -rf coverage
	@$(BIN)/c8 $(BIN)/vitest run

chaos: build ## treat client and server badly for CHAOS_S seconds (60), then count; CHAOS_SEED replays a run
	@node dist/scripts/chaos.js

build: $(BUILT) ## install the build tools and compile to dist/, where that is due

run: build ## start a log server in the background
	@node $(LOCAL_SERVER) start

logs: ## follow the log of the server that runs in the background
	@test -f .run/server.log || { echo "no server was started here yet: make run"; exit 1; }
	@tail -n 50 -F .run/server.log

stop: $(LOCAL_SERVER) ## stop the server that runs in the background
	@node $(LOCAL_SERVER) stop

bench: build ## measure speed and memory, client and server together
	@node dist/bench/run.js

lint: $(INSTALLED) ## check style, types and floating promises
	@$(BIN)/biome check
	@$(BIN)/tsc --noEmit

docs: build ## write .env.example and docs/configuration.md from the option tables
	@node dist/scripts/generate-docs.js

clean: ## stop the server, and remove what was built, stored and noted
	@if test -f .run/server.pid; then $(MAKE) stop; fi
	@rm -rf dist coverage .run store state

# Programs that do not compile leave no mark, so the next make compiles again.
$(BUILT): $(INSTALLED) tsconfig.json $(SOURCES)
	@rm -rf dist
	@$(BIN)/tsc
	@touch $@

$(INSTALLED): package.json package-lock.json | check-node
	@echo "installing the build tools"
	@npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

# To stop a server, any build will do, even of sources that do not compile now.
$(LOCAL_SERVER):
	@$(MAKE) build

# The test is in words that a Node of any age understands.
check-node:
	@command -v node > /dev/null || { echo "logship needs Node 20.19 or later, and there is none"; exit 1; }
	@node -e 'var v = process.versions.node.split("."); process.exit(v[0] > 20 || (v[0] == 20 && v[1] >= 19) ? 0 : 1)' \
	  || { echo "logship needs Node 20.19 or later, and this is $$(node --version)"; exit 1; }
