#!/bin/bash
# The panel is killed, starved and cut off while it converts mailboxes on real mail servers; then every message is counted.
#
#   tests/chaos/run.sh [short|long]
#
# What can be set: PILOTHOUSE_CHAOS_SEED (else one is made; it is printed), PILOTHOUSE_CHAOS_ROUNDS (conversions of each
# scenario), PILOTHOUSE_CHAOS_MINUTES (how long each goes on at most), PILOTHOUSE_CHAOS_DIR (var/chaos: stacks, databases,
# the panels' log, figures.txt), PILOTHOUSE_CHAOS_PORT_BASE (26000; two thousand ports), PILOTHOUSE_CHAOS_ONLY (a part
# of a scenario's name).
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
cd "$root"
[ "$(id -u)" = 0 ] || { echo "chaos: run as root; it starts mail servers, mounts and network namespaces of its own" >&2; exit 1; }
length=${1:-short}
case "$length" in
  short) filter='test(/::short_/)' minutes=0.4 rounds=40 ;;
  long) filter='all()' minutes=4 rounds=1000 ;;
  *) echo "usage: tests/chaos/run.sh [short|long]" >&2; exit 2 ;;
esac
[ -z "${PILOTHOUSE_CHAOS_ONLY:-}" ] || filter="test(/$PILOTHOUSE_CHAOS_ONLY/)"
: "${PILOTHOUSE_CHAOS_DIR:=$root/var/chaos}" "${PILOTHOUSE_CHAOS_PORT_BASE:=26000}"
: "${PILOTHOUSE_CHAOS_MINUTES:=$minutes}" "${PILOTHOUSE_CHAOS_ROUNDS:=$rounds}"
export PILOTHOUSE_CHAOS_DIR PILOTHOUSE_CHAOS_PORT_BASE PILOTHOUSE_CHAOS_MINUTES PILOTHOUSE_CHAOS_ROUNDS

finish() {
  local name
  for name in mail-1 mail-2 old-2; do
    BASE="$PILOTHOUSE_CHAOS_DIR/$name" PORT_BASE=$((PILOTHOUSE_CHAOS_PORT_BASE + 1000 * (${name#*-} - 1))) mailstack/stack.sh wipe || true
  done
  PILOTHOUSE_TEST_POSTGRES_DIR="$PILOTHOUSE_CHAOS_DIR/postgres" PILOTHOUSE_TEST_POSTGRES_PORT=$((PILOTHOUSE_CHAOS_PORT_BASE + 900)) \
    tests/postgres.sh down || true
}
trap finish EXIT
trap 'exit 130' INT TERM

mkdir -p "$PILOTHOUSE_CHAOS_DIR"
finish # what a run that was cut off has left, which may be of an older version
mailstack/install.sh
# Of Debian: the clock that jumps, the wires that are cut.
missing=()
for package in faketime nftables iproute2; do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
[ "$length" = short ] || [ ${#missing[@]} = 0 ] || DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"
cargo nextest run --locked --profile chaos --test chaos --run-ignored only --no-fail-fast -E "$filter"
