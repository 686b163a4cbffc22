# The ports of this instance: kept from others, and known to be free before a daemon wants them.
#
# They lie in the range from which the kernel picks ports for outgoing connections (32768 to 60999). A connection that
# got one of ours blocks it, and for a minute after its end still. So they are reserved in the kernel where that may be
# written (not in every container), from the first up until wipe; and up waits for a port that is blocked.

RESERVED=/proc/sys/net/ipv4/ip_local_reserved_ports

ROLE_PORTS=''
note_role_ports() { ROLE_PORTS+=" $ROLE_PORT $ROLE_MEMCACHED"; }
all_ports() {
  ROLE_PORTS=''
  each_role note_role_ports
  echo $PORT_PG $PORT_IMAP $PORT_IMAPS $PORT_POP3 $PORT_POP3S $PORT_SIEVE $PORT_LMTP $PORT_DOVEADM $PORT_SOGO_IMAP \
    $PORT_PANEL_IMAP $PORT_SMTP $PORT_SUBMISSION $PORT_SOGO_SMTP $PORT_FRONT $ROLE_PORTS
}

# reserve add|remove: the kernel's list is "1-3,8"; it is read, changed and written under a lock.
reserve() {
  [ -w "$RESERVED" ] || return 0
  (
    flock 9
    awk -v verb="$1" -v ours="$(all_ports)" '
      { n = split($0, parts, ",")
        for (i = 1; i <= n; i++) {
          split(parts[i], range, "-"); last = range[2] == "" ? range[1] : range[2]
          for (p = range[1]; p <= last && p != ""; p++) reserved[p + 0] = 1 } }
      END { n = split(ours, port, " ")
        for (i = 1; i <= n; i++) if (verb == "add") reserved[port[i]] = 1; else delete reserved[port[i]]
        for (p in reserved) { printf "%s%s", comma, p; comma = "," }
        print "" }' "$RESERVED" > /run/lock/mailstack-reserved &&
      cat /run/lock/mailstack-reserved > "$RESERVED"
  ) 9>/run/lock/mailstack-reserved.lock 2>/dev/null || true
}

# Prints the first of the ports that cannot be listened on. Every Debian has perl; bash cannot bind.
blocked_port() {
  perl -MSocket -e '
    for my $port (@ARGV) {
      socket(my $s, PF_INET, SOCK_STREAM, 0); setsockopt($s, SOL_SOCKET, SO_REUSEADDR, 1);
      bind($s, sockaddr_in($port, INADDR_LOOPBACK)) && listen($s, 1) or print($port), exit 0;
    }' "$@"
}
# The ports that the daemons which do not run yet will want.
wanted_ports() {
  alive "$BASE/pg/postmaster.pid" || echo "$PORT_PG"
  alive "$BASE/run/dovecot/master.pid" || echo $PORT_IMAP $PORT_IMAPS $PORT_POP3 $PORT_POP3S $PORT_SIEVE $PORT_LMTP \
    $PORT_DOVEADM $PORT_SOGO_IMAP $PORT_PANEL_IMAP
  alive "$BASE/spool/postfix/pid/master.pid" || echo $PORT_SMTP $PORT_SUBMISSION $PORT_SOGO_SMTP
  alive "$BASE/run/nginx/nginx.pid" || echo "$PORT_FRONT"
  ! offers_sogo || each_role wanted_role_ports
}
wanted_role_ports() {
  alive "$BASE/run/memcached/$ROLE.pid" || echo "$ROLE_MEMCACHED"
  alive "$BASE/run/sogo-$ROLE/sogo.pid" || echo "$ROLE_PORT"
}
wait_for_ports() {
  local port deadline=$((SECONDS + 75)) told='' tries=0 wanted
  wanted=$(wanted_ports)
  # shellcheck disable=SC2086 # one word per port
  while port=$(blocked_port $wanted) && [ -n "$port" ]; do
    # A daemon that was just ended may still be letting go.
    tries=$((tries + 1))
    if [ $tries -gt 20 ] && answers 127.0.0.1 "$port" || [ $SECONDS -ge $deadline ]; then
      echo "mailstack: port $port is in use by another program; choose another PORT_BASE (now $PORT_BASE)" >&2
      return 1
    fi
    [ $tries -le 20 ] || [ -n "$told" ] || { echo "mailstack: port $port is held by a connection that ended; waiting up to a minute"; told=yes; }
    sleep 0.1
  done
}
