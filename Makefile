# The one entry point. Each target is one line that calls a script in scripts/ or a tool.

.DEFAULT_GOAL := help
.PHONY: help up down logs run smoke stand-ins build fmt lint test sim spread test-all chaos bench bench-page bench-peers hostile fuzz deny sbom deb test-deb test-kubernetes

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile

up: ## start the stack: exporter, agent, Prometheus, Grafana (AGENTS=3 for three agents)
	@AGENTS="$(AGENTS)" scripts/up

down: ## end the stack; its data stays
	@docker compose --profile "*" down

logs: ## follow what the stack says
	@docker compose logs --follow --tail 100

run: ## build and run exporter and agent here, without Docker; Ctrl-C ends both
	@scripts/run

smoke: ## check the running stack from outside
	@scripts/smoke

stand-ins: ## for machines without a container registry: make images from Debian's packages (as root)
	@scripts/stand-ins

build: ## build the programs, optimised
	@cargo build --release --locked

fmt: ## format the code
	@cargo fmt --all

lint: ## check formatting, lints, scripts, dashboards, settings
	@scripts/lint

test: ## run the tests (20 minutes at most; with Docker the stack's too)
	@scripts/test

sim: ## simulate whole fleets under faults and check every number (SEEDS=200 FROM=0)
	@scripts/sim $(or $(SEEDS),200) $(or $(FROM),0)

spread: ## simulate who moves and connects when exporters come and go (AGENTS=1000000 EXPORTERS=100; docs/scaling.md)
	@scripts/spread --agents $(or $(AGENTS),100000) --exporters $(or $(EXPORTERS),10)

test-all: ## run the long forms of the tests too
	@scripts/test-all

chaos: ## strike a stack of its own with real faults, compare every counter with the truth (FAULTS=30 SEED=7; as root)
	@FAULTS="$(FAULTS)" SEED="$(SEED)" scripts/chaos

bench: ## measure the programs beside the least their work can cost (20 minutes; QUICK=1: three minutes; RESTART=1: its restart)
	@QUICK="$(QUICK)" RESTART="$(RESTART)" ONLY="$(ONLY)" scripts/bench

bench-peers: ## measure prometheus-pushgateway, prometheus-node-exporter and the original in turns with ours (5 minutes)
	@scripts/bench-peers

hostile: ## set strangers, floods and broken peers on a real exporter (CASES="B1 H2"; SHORT=1: a minute)
	@SHORT="$(SHORT)" scripts/hostile $(CASES)

fuzz: ## fuzz each parser in turn (SECONDS=60 each; TARGETS="frames proc")
	@scripts/fuzz $(or $(SECONDS),60) $(TARGETS)

bench-page: ## measure the live page in Chromium, on 10,000 agents and under 100 pages (4 minutes; QUICK=1: one)
	@QUICK="$(QUICK)" scripts/bench-page

deny: ## check dependencies: bans, licences, sources (cargo-deny; known weaknesses too: scripts/deny --advisories)
	@scripts/deny

sbom: ## write a bill of materials of each program (cargo-cyclonedx)
	@scripts/sbom

deb: ## make the Debian package of the agent, in dist/
	@scripts/deb

test-deb: ## check the systemd unit, and the Debian package in a container
	@scripts/test-deb

test-kubernetes: ## read the Kubernetes manifests into typed objects
	@scripts/test-kubernetes
