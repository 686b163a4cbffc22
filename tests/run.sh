#!/bin/bash
# `make test`: installs what is missing and runs everything. The last line says how many tests ran.
set -uo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$root"
export CARGO_TERM_COLOR=never PILOTHOUSE_TEST_POSTGRES_URL=
work="${TEST_DIR:-$root/var/test}"
passed=0 failed=0 failures=()

say() { printf '\n=== %s (%s)\n' "$1" "$(date +%T)"; }
tally() { passed=$((passed + $1)); failed=$((failed + $2)); }
step() { # step NAME COMMAND …: one check that passes or fails as a whole
  say "$1"
  local name=$1
  shift
  if "$@"; then tally 1 0; else tally 0 1; failures+=("$name"); fi
}
suite() { # suite NAME COMMAND …: a runner whose own closing line is counted
  say "$1"
  local name=$1 log="$work/${1//[^a-z0-9]/-}.log" code=0
  shift
  "$@" 2>&1 | tee "$log" || true
  code=${PIPESTATUS[0]}
  local ran bad
  read -r ran bad < <(python3 tests/count.py "$log")
  tally "$ran" "$bad"
  if [ "$code" != 0 ] || [ "$bad" != 0 ] || [ "$((ran + bad))" = 0 ]; then
    failures+=("$name")
    [ "$bad" != 0 ] || tally 0 1
  fi
}
finish() {
  tests/postgres.sh down || true
  BASE="$work/mail" PORT_BASE=38000 mailstack/stack.sh down || true
  BASE="$work/mail-2" PORT_BASE=39000 mailstack/stack.sh down || true
}
trap finish EXIT
trap 'exit 130' INT TERM

mkdir -p "$work"
say "install"
mailstack/install.sh && tests/install.sh || { echo "a package could not be installed"; exit 1; }

step "format" cargo fmt --check
compose=
if docker compose version >/dev/null 2>&1; then compose="docker compose"
elif command -v docker-compose >/dev/null; then compose=docker-compose; fi
[ -z "$compose" ] || step "containers" env POSTGRES_PASSWORD=only-to-check $compose config --quiet
step "lints" cargo clippy --locked --all-targets --quiet -- -D warnings
say "build"
cargo nextest run --locked --no-run || { echo "the tests do not build"; exit 1; }

say "services"
export PILOTHOUSE_TEST_STACK_INFO="$work/mail/info.json"
BASE="$work/mail" PORT_BASE=38000 MAIL_HOSTNAME=mail-1.pilothouse.test mailstack/stack.sh wipe
BASE="$work/mail" PORT_BASE=38000 MAIL_HOSTNAME=mail-1.pilothouse.test mailstack/stack.sh up || { echo "the mail stack did not start"; exit 1; }
# Copying and moving need another server.
export PILOTHOUSE_TEST_STACK2_INFO="$work/mail-2/info.json"
BASE="$work/mail-2" PORT_BASE=39000 MAIL_HOSTNAME=mail-2.pilothouse.test mailstack/stack.sh wipe
BASE="$work/mail-2" PORT_BASE=39000 MAIL_HOSTNAME=mail-2.pilothouse.test mailstack/stack.sh up || { echo "the second mail stack did not start"; exit 1; }
PILOTHOUSE_TEST_POSTGRES_URL="$(tests/postgres.sh up)" || { echo "Postgres did not start"; exit 1; }

suite "everything on sqlite" cargo nextest run --locked --no-fail-fast
suite "database tests on postgres" env PILOTHOUSE_TEST_DATABASE=postgres \
  cargo nextest run --locked --no-fail-fast --test store --test engine --test conversions --test site
suite "documentation and what must not compile" cargo test --locked --doc --quiet
BASE="$work/mail" PORT_BASE=38000 mailstack/stack.sh down
BASE="$work/mail-2" PORT_BASE=39000 mailstack/stack.sh down
suite "chaos, the short form" env PILOTHOUSE_CHAOS_DIR="$work/chaos" PILOTHOUSE_CHAOS_PORT_BASE=36000 tests/chaos/run.sh short
suite "mail stack" tests/mailstack/run.sh 36000 37000
step "documentation builds" env RUSTDOCFLAGS="-D warnings -A rustdoc::private_intra_doc_links" cargo doc --locked --no-deps --quiet

echo
[ ${#failures[@]} -eq 0 ] || printf 'failed: %s\n' "${failures[@]}"
echo "$passed passed, $failed failed"
[ ${#failures[@]} -eq 0 ]
