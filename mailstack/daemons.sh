# Starting, stopping and looking at the daemons of this instance (SOGo's roles: sogo.sh; Postgres: directory.sh).

start_dovecot() {
  alive "$BASE/run/dovecot/master.pid" && return 0
  # Dovecot takes a zombie, or a stranger with the number of an old pid file, for itself and would not start.
  rm -f "$BASE/run/dovecot/master.pid"
  launch dovecot -c "$BASE/etc/dovecot/dovecot.conf"
}
start_postfix() { alive "$BASE/spool/postfix/pid/master.pid" || launch postfix -c "$BASE/etc/postfix" start; }
# The master ends its children; "postfix stop" does no more, but looks only once a second whether it is done.
stop_postfix() { stop_pid "$BASE/spool/postfix/pid/master.pid"; }
stop_dovecot() { stop_pid "$BASE/run/dovecot/master.pid"; }
stop_last_logins() { stop_pid "$BASE/run/last-logins.pid"; }
start_nginx() {
  alive "$BASE/run/nginx/nginx.pid" && return 0
  # One that was killed leaves its socket, and the next would not start.
  rm -f "$BASE/run/nginx/forwards.sock"
  launch nginx -e "$BASE/log/nginx.log" -p "$BASE/run/nginx" -c "$BASE/etc/nginx/nginx.conf"
}
start_last_logins() {
  alive "$BASE/run/last-logins.pid" && return 0
  launch setsid --fork "$HERE/last-logins.sh" "$BASE" "$PORT_PG"
  wait_until 5 "last-logins.sh should start" alive "$BASE/run/last-logins.pid"
}

stop_front_forwards() { stop_pid "$BASE/run/front-forwards.pid"; }
start_front_forwards() {
  alive "$BASE/run/front-forwards.pid" && return 0
  launch setsid --fork "$HERE/front-forwards.sh" "$BASE" "$PORT_PG"
  wait_until 15 "front-forwards.sh should follow the directory" front_forwards_follows
}
# Until it says so the panel would not wait for the front door.
front_forwards_follows() {
  alive "$BASE/run/front-forwards.pid" && [ "$(pg -Atc 'SELECT taken IS NOT NULL FROM forwards_changes' directory)" = t ]
}

# together COMMAND…: runs each at the same time; fails when one failed.
together() {
  local command jobs=() failed=0
  for command in "$@"; do
    $command &
    jobs+=($!)
  done
  for command in "${jobs[@]}"; do wait "$command" || failed=1; done
  return $failed
}

start_all() {
  configure_postgres
  make_cluster
  start_postgres
  fill_cluster
  if offers_sogo; then
    start_last_logins
    together start_dovecot start_postfix "each_role_at_once start_role"
  else
    together start_dovecot start_postfix
  fi
  start_nginx
  ! offers_sogo || start_front_forwards
  local port
  for port in $PORT_IMAP $PORT_IMAPS $PORT_POP3 $PORT_POP3S $PORT_SIEVE $PORT_SMTP $PORT_SUBMISSION $PORT_FRONT; do
    wait_port "$BIND" "$port"
  done
  for port in $PORT_LMTP $PORT_DOVEADM $PORT_SOGO_SMTP $PORT_PANEL_IMAP; do wait_port 127.0.0.1 "$port"; done
  ! offers_sogo || each_role wait_role
}

# Front first, database last; what the mode does not offer may still run from an earlier mode.
stop_all() {
  stop_front_forwards
  stop_pid "$BASE/run/nginx/nginx.pid"
  together "each_role_at_once stop_role" stop_last_logins stop_postfix stop_dovecot
  stop_postgres
  local left
  left=$(leftovers)
  # shellcheck disable=SC2086 # one word per process
  [ -z "$left" ] || kill -KILL $left 2>/dev/null || true
}

report() { # report NAME PIDFILE
  if alive "$2"; then echo "up   $1 $(pid_in "$2")"; else echo "down $1"; ALL_UP=no; fi
}
status() {
  ALL_UP=yes
  report postgres "$BASE/pg/postmaster.pid"
  report dovecot "$BASE/run/dovecot/master.pid"
  report postfix "$BASE/spool/postfix/pid/master.pid"
  report nginx "$BASE/run/nginx/nginx.pid"
  if offers_sogo; then
    each_role role_status
    report last-logins "$BASE/run/last-logins.pid"
    report front-forwards "$BASE/run/front-forwards.pid"
  fi
  [ "$ALL_UP" = yes ]
}
