# The Postgres of this instance: databases "directory" (the panel's word to the mail servers) and "sogo" (calendars, contacts).

DIRECTORY_VERSION=4   # of the newest directory-N.sql

pg() { as postgres psql -qX -v ON_ERROR_STOP=1 -h "$BASE/run/pg" -p "$PORT_PG" -U postgres "$@"; }
pg_ctl() { launch as postgres "$PGBIN/pg_ctl" -D "$BASE/pg" "$@"; }

start_postgres() {
  alive "$BASE/pg/postmaster.pid" || pg_ctl -l "$BASE/run/pg/postgres.log" -w start
}
stop_postgres() {
  ! alive "$BASE/pg/postmaster.pid" || pg_ctl -m fast -w stop || true
}

make_cluster() {
  [ ! -f "$BASE/pg/PG_VERSION" ] || return 0
  rm -rf "$BASE/pg.new"
  mkdir "$BASE/pg.new"; chown postgres "$BASE/pg.new"; chmod 700 "$BASE/pg.new"
  as postgres "$PGBIN/initdb" -D "$BASE/pg.new" -U postgres -A scram-sha-256 --auth-local=trust -E UTF8 \
    --locale=C.UTF-8 --no-sync >/dev/null
  cat >> "$BASE/pg.new/postgresql.conf" <<CONF
include '$BASE/etc/postgres.conf'
CONF
  mv "$BASE/pg.new" "$BASE/pg"
}
configure_postgres() {
  cat > "$BASE/etc/postgres.conf" <<CONF
listen_addresses = '127.0.0.1'
port = $PORT_PG
unix_socket_directories = '$BASE/run/pg'
unix_socket_permissions = 0700
shared_buffers = 64MB
max_connections = 200
CONF
}

has_database() { [[ " $DATABASES " == *" $1 "* ]]; }

directory_version() { pg -Atc 'SELECT max(version) FROM schema_version' "$1"; }
# upgrade DATABASE: brings an older schema to ours, a version at a time, each in one transaction.
upgrade() {
  local version
  for ((version = $(directory_version "$1") + 1; version <= DIRECTORY_VERSION; version++)); do
    pg -f - "$1" < "$HERE/directory-$version.sql"
  done
}

# The panel's way to calendars and contacts: functions in SOGo's database, which it may call and do nothing else there.
open_groupware() {
  pg -v "base=postgresql://sogo:$PG_SOGO_PASSWORD@127.0.0.1:$PORT_PG/sogo/" -f - sogo < "$HERE/groupware.sql"
}

# Fills what is not there yet: roles, the directory, SOGo's database. Safe to run on each start.
fill_cluster() {
  DATABASES=$(pg -Atc 'SELECT datname FROM pg_database' postgres | tr '\n' ' ')
  if ! has_database directory; then
    pg postgres <<SQL
SET client_min_messages = warning;
DO \$\$ BEGIN
  CREATE ROLE panel LOGIN; CREATE ROLE mail LOGIN; CREATE ROLE sogo LOGIN;
EXCEPTION WHEN duplicate_object THEN NULL; END \$\$;
ALTER ROLE panel PASSWORD '$PG_PANEL_PASSWORD';
ALTER ROLE mail PASSWORD '$PG_MAIL_PASSWORD';
ALTER ROLE sogo PASSWORD '$PG_SOGO_PASSWORD';
DROP DATABASE IF EXISTS directory_new;
CREATE DATABASE directory_new;
SQL
    pg -f - directory_new < "$HERE/directory.sql"
    upgrade directory_new
    pg -c 'ALTER DATABASE directory_new RENAME TO directory' postgres
  fi
  upgrade directory
  local found
  found=$(directory_version directory)
  if [ "$found" != "$DIRECTORY_VERSION" ]; then
    echo "mailstack: the directory in $BASE has schema version $found, this program needs $DIRECTORY_VERSION" >&2
    return 1
  fi
  if offers_sogo && ! has_database sogo; then
    pg -c 'CREATE DATABASE sogo OWNER sogo' postgres
    # With several workers the first start races on CREATE TABLE and logs errors: one role, one worker makes them.
    only_web make_role_tables
  fi
  ! offers_sogo || open_groupware
}
