#!/bin/bash
# `make bench`: figures and ratios, built as the panel is shipped. Everything runs one after the other on an else idle
# machine; a private mail stack is started for what needs one, on ports 38000 and up.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
work="${BENCH_DIR:-$PWD/var/bench}"
mkdir -p "$work"
mailstack/install.sh
export CARGO_TERM_COLOR=never
stack() { BASE="$work/mail" PORT_BASE=38000 MAIL_HOSTNAME=mail-1.pilothouse.test mailstack/stack.sh "$@"; }
second() { BASE="$work/mail-2" PORT_BASE=39000 MAIL_HOSTNAME=mail-2.pilothouse.test mailstack/stack.sh "$@"; }
trap 'stack down; second down' EXIT
stack up
second up
export PILOTHOUSE_TEST_STACK_INFO="$work/mail/info.json" PILOTHOUSE_TEST_STACK2_INFO="$work/mail-2/info.json"

echo "== pages at 1,000 and at 100,000 mailboxes; then the whole panel, over HTTP (SQLite)"
cargo test --release --locked --quiet --test store pace -- --ignored --nocapture --test-threads 1
if [ -n "${PILOTHOUSE_TEST_POSTGRES_URL:-}" ]; then
  echo "== the same whole panel (Postgres: PILOTHOUSE_TEST_POSTGRES_URL is set)"
  PILOTHOUSE_TEST_DATABASE=postgres \
    cargo test --release --locked --quiet --test store pace::whole -- --ignored --nocapture --test-threads 1
fi
echo "== conversions a second: 2,000 small mailboxes in place, beside the bare switch and flush; and in memory"
cargo test --release --locked --quiet --test conversions pace -- --ignored --nocapture --test-threads 1
echo "== snapshots over IMAP, creation to login (real mail stack)"
cargo test --release --locked --quiet --test backends measure -- --ignored --nocapture --test-threads 1
echo "== copying a mailbox from server to server (two real mail stacks)"
cargo test --release --locked --quiet --test backends copy_pace -- --ignored --nocapture --test-threads 1
