#!/bin/bash
# A private Postgres for the tests, from Debian's server binaries, on loopback.
#
#   tests/postgres.sh up      starts it (makes it first, if need be) and prints its URL
#   tests/postgres.sh down    stops it and removes it
#
# PILOTHOUSE_TEST_POSTGRES_DIR (var/test-postgres) and PILOTHOUSE_TEST_POSTGRES_PORT (38432) may be set.
# Durability is off: nothing in it is worth a flush to disk. Its texts sort by the rules of a language, as
# they do on most servers, so that a query which only works byte by byte fails here.
set -euo pipefail
cd "$(dirname "$0")/.."

DIR=$(realpath -m "${PILOTHOUSE_TEST_POSTGRES_DIR:-var/test-postgres}")
PORT=${PILOTHOUSE_TEST_POSTGRES_PORT:-38432}
BIN=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1)
[ -n "$BIN" ] || { echo "postgres.sh: no Postgres server here; install the package postgresql" >&2; exit 1; }

# Postgres refuses to run as root.
as_postgres() {
  if [ "$(id -u)" != 0 ]; then "$@"; return; fi
  setpriv --reuid=postgres --regid="$(id -g postgres)" --init-groups env HOME=/ "$@"
}
pid() { head -1 "$DIR/data/postmaster.pid" 2>/dev/null || true; }
ours() { local pid; pid=$(pid); [ -n "$pid" ] && tr '\0' ' ' 2>/dev/null < "/proc/$pid/cmdline" | grep -qF "$DIR/data"; }

make() {
  rm -rf "$DIR"; mkdir -p "$DIR"
  [ "$(id -u)" != 0 ] || chown postgres "$DIR"
  as_postgres "$BIN/initdb" -D "$DIR/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 \
    --locale-provider=icu --icu-locale=en-US --no-sync >"$DIR/initdb.log"
  as_postgres tee -a "$DIR/data/postgresql.conf" >/dev/null <<CONF
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
port = $PORT
max_connections = 300
shared_buffers = 64MB
fsync = off
synchronous_commit = off
full_page_writes = off
CONF
}

case "${1:-}" in
  up)
    [ -f "$DIR/data/postgresql.conf" ] || make
    ours || (cd / && as_postgres "$BIN/pg_ctl" -D "$DIR/data" -l "$DIR/server.log" -w -t 30 start >/dev/null) ||
      { tail -20 "$DIR/server.log" >&2; exit 1; }
    echo "postgres://postgres@127.0.0.1:$PORT/postgres"
    ;;
  down)
    ! ours || (cd / && as_postgres "$BIN/pg_ctl" -D "$DIR/data" -m immediate -w stop >/dev/null)
    rm -rf "$DIR"
    ;;
  *) echo "usage: tests/postgres.sh up|down" >&2; exit 2 ;;
esac
