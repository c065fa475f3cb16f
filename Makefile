# Thin names for the commands of CONTRIBUTING.md; each stands on its own too.

modules = $(shell go list -m -f '{{.Dir}}')

.PHONY: generate lint test race tidy build-modules real bench burst

# Go and OpenAPI from the protos, after their own lint.
generate:
	tools/generate lint
	tools/generate

lint:
	tools/lint/run

# `work` is every package of the workspace: ./... matches nothing at its root.
test:
	go test work

race:
	go test -race -shuffle=on work

# A dependency added to one module is missed by those that build upon it, which
# the workspace does not show. -e: tests of dependencies' dependencies may need
# what no registry has. In the order in which they build upon each other.
tidy:
	@set -e; for dir in proto backbone services/* cmd/* tests; do echo "tidy $$dir"; GOWORK=off go -C "$$dir" mod tidy -e; done

build-modules:
	@set -e; for dir in $(modules); do echo "build $$dir"; GOWORK=off go -C "$$dir" build ./...; done

# The same suites against Apache Kafka, Redis and PostgreSQL.
real:
	.ci/run real

bench:
	go run ./tests/bench

burst:
	go run ./cmd/floodgate burst --votes 300000
