# The commands of a day. Each is a script in scripts/, which says what it does.
.PHONY: help run test lint test-rust test-browser screenshots bench fuzz soak build fmt clean

help:
	@echo 'make run           build what is needed and start Ringdown on http://127.0.0.1:3000'
	@echo 'make test          everything that must hold: format, lints, tests on both databases, browser'
	@echo 'make lint          the format and the lints alone'
	@echo 'make test-rust     the Rust tests alone, on SQLite and PostgreSQL'
	@echo 'make test-browser  the journeys in Chromium alone'
	@echo 'make screenshots   pictures of every page, into end2end/screenshots/'
	@echo 'make bench         measure the numbers that Ringdown promises'
	@echo 'make fuzz          hostile bytes for a minute (scripts/fuzz SECONDS for longer)'
	@echo 'make soak          the server killed again and again (scripts/soak ROUNDS for longer)'
	@echo 'make build         the release build, for installing'
	@echo 'make fmt           put the source into its format'
	@echo 'make clean         remove what was built; data/ stays'

run:
	@scripts/run

test:
	@scripts/test

lint:
	@scripts/test lint

test-rust:
	@scripts/test rust

test-browser:
	@scripts/test browser

screenshots:
	@scripts/screenshots

bench:
	@scripts/bench

fuzz:
	@scripts/fuzz

soak:
	@scripts/soak

build:
	@scripts/build

fmt:
	cargo fmt --all

clean:
	cargo clean
	rm -rf end2end/node_modules end2end/screenshots end2end/test-results
