# SOGo in three roles (web, eas, dav): same tables, each with its own port, filter of who may sign in, and memcached.
# A shared memcached would let a password cached by one role pass the filter of another.

offers_sogo() { [ "$OFFERS" = everything ]; }

# each_role FUNCTION …: runs it with ROLE… set, once per role.
each_role() {
  local role port_offset memcached_offset function=$1
  shift
  for role in $SOGO_ROLES; do
    IFS=: read -r ROLE port_offset memcached_offset ROLE_WORKERS ROLE_FILTER ROLE_WEB <<<"$role"
    ROLE_PORT=$(port "$port_offset") ROLE_MEMCACHED=$(port "$memcached_offset")
    export ROLE ROLE_WORKERS ROLE_FILTER ROLE_WEB ROLE_PORT ROLE_MEMCACHED
    "$function" "$@" || return 1
  done
}
in_background() { "$@" & ROLE_JOBS+=($!); }
each_role_at_once() {
  local job ROLE_JOBS=()
  each_role in_background "$@"
  for job in "${ROLE_JOBS[@]}"; do wait "$job" || return 1; done
}
only_web() { SOGO_ROLES="${SOGO_ROLES%% *}" each_role "$@"; }

configure_role() {
  mkdir -p "$BASE/etc/sogo-$ROLE" "$BASE/run/sogo-$ROLE"
  chown sogo: "$BASE/run/sogo-$ROLE"
  touch "$BASE/log/sogo-$ROLE.log"; chown sogo "$BASE/log/sogo-$ROLE.log"
  render "$HERE/templates/sogo.conf" "$BASE/etc/sogo-$ROLE/sogo.conf" 640 root:sogo
}

# SOGo reads only /etc/sogo/sogo.conf: it gets ours there, in a mount namespace of its own.
in_sogo_namespace() {
  local role=$1
  shift
  unshare -m --propagation private bash -c 'mount --bind "$1" /etc/sogo; cd "$2"; shift 2; exec "$@"' _ \
    "$BASE/etc/sogo-$role" "$BASE/run/sogo-$role" \
    setpriv --reuid=sogo --regid="$(id -g sogo)" --init-groups env HOME="$BASE/run/sogo-$role" "$@"
}

start_role() {
  alive "$BASE/run/memcached/$ROLE.pid" ||
    launch memcached -d -u memcache -l 127.0.0.1 -p "$ROLE_MEMCACHED" -U 0 -m 32 -P "$BASE/run/memcached/$ROLE.pid"
  alive "$BASE/run/sogo-$ROLE/sogo.pid" ||
    launch in_sogo_namespace "$ROLE" sogod -WOWorkersCount "${1:-$ROLE_WORKERS}" \
      -WOPidFile "$BASE/run/sogo-$ROLE/sogo.pid" -WOLogFile "$BASE/log/sogo-$ROLE.log"
}
# A bare connection would make sogod complain in its log, so ask over HTTP.
role_answers() { curl -s -o /dev/null -m 2 "http://127.0.0.1:$ROLE_PORT/SOGo/"; }
wait_role() {
  wait_port 127.0.0.1 "$ROLE_MEMCACHED"
  wait_until 20 "SOGo $ROLE should answer on port $ROLE_PORT" role_answers
}
# sogod takes 5 to 10 s to obey SIGTERM and keeps nothing outside Postgres, so it is killed.
stop_role() {
  local file="$BASE/run/sogo-$ROLE/sogo.pid" pid
  if alive "$file"; then
    pid=$(pid_in "$file")
    # shellcheck disable=SC2046 # one word per worker
    kill -KILL "$pid" $(pgrep -P "$pid" || true) 2>/dev/null || true
    wait_until 5 "sogod $pid should end" gone "$pid"
  fi
  rm -f "$file"
  stop_pid "$BASE/run/memcached/$ROLE.pid" KILL   # a cache; it would take a second to end by itself
}
make_role_tables() { start_role 1; wait_role; stop_role; }
role_status() {
  report "memcached-$ROLE" "$BASE/run/memcached/$ROLE.pid"
  report "sogo-$ROLE" "$BASE/run/sogo-$ROLE/sogo.pid"
}
