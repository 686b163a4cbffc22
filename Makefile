# The commands of the README. Everything they do is in scripts that can be read and run by themselves.
.PHONY: demo demo-reset test chaos bench check

demo: ## bring up the panel and a private mail stack on loopback
	@exec demo/run.sh

demo-reset: ## wipe what `make demo` keeps
	@demo/reset.sh

test: ## install what is missing, then run every test
	@tests/run.sh

chaos: ## kill and starve the panel while it converts, for most of an hour, and count every message; docs/RELIABILITY.md
	@tests/chaos/run.sh long

check: ## what to run before each commit: format, lints, the tests that need no mail stack
	cargo fmt --check
	cargo clippy --all-targets --quiet -- -D warnings
	PILOTHOUSE_TEST_REAL=0 cargo nextest run

bench: ## print ratios: pages at 100,000 mailboxes, conversions, snapshots
	@benches/run.sh
