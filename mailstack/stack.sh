#!/bin/bash
# A private mail stack: Postgres, Dovecot, Postfix, SOGo with memcached, nginx in front. Everything it has lies in BASE,
# every port counts from PORT_BASE, several instances run side by side. Parameters: env.sh. What was measured: FACTS.md.
set -euo pipefail
set -a
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
set +a
for part in process ports configure sogo directory daemons info; do . "$HERE/$part.sh"; done

usage() {
  cat <<TEXT
usage: stack.sh up|down|restart|status|wipe|info|psql DATABASE …|sogo-tool …
  up        makes what is missing and starts what does not run; quick when all is up
  down      ends every process of this instance and nothing else
  restart   down, then up with freshly written configuration
  status    one line per process; exit 0 only when all run
  wipe      down, then delete BASE
  info      JSON for the panel's registration, secrets included
  psql      a superuser session (databases: directory, sogo)
  sogo-tool SOGo's admin tool on this instance
BASE=$BASE PORT_BASE=$PORT_BASE OFFERS=$OFFERS MAIL_HOSTNAME=$MAIL_HOSTNAME
TEXT
}

need_root() {
  [ "$(id -u)" = 0 ] || { echo "mailstack: run as root; the daemons give up their privileges themselves" >&2; exit 1; }
}
need_packages() {
  local program
  for program in dovecot postfix sogod nginx memcached; do
    PATH="$PATH:/usr/sbin" command -v "$program" >/dev/null ||
      { echo "mailstack: $program is not installed, run $HERE/install.sh first" >&2; exit 1; }
  done
  PGBIN="$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1)"
  [ -x "$PGBIN/initdb" ] || { echo "mailstack: postgresql is not installed, run $HERE/install.sh first" >&2; exit 1; }
}
need_instance() {
  [ -s "$BASE/secrets.env" ] || { echo "mailstack: there is no instance in $BASE, run stack.sh up first" >&2; exit 1; }
}
case "$OFFERS" in everything | pop_imap) ;; *) echo "mailstack: OFFERS is everything or pop_imap, not $OFFERS" >&2; exit 2 ;; esac

up() {
  need_packages
  settle_base
  secrets
  if status >/dev/null; then write_info; return 0; fi
  configure
  reserve add
  wait_for_ports
  start_all
  write_info
}
down() {
  [ -d "$BASE/etc" ] || return 0
  need_packages
  stop_all
}
wipe() {
  down
  reserve remove
  # Only what is ours: BASE may have been set to a folder that holds more.
  rm -rf "$BASE"/{etc,log,run,lib,mail,control,spool,tls,pg,pg.new,secrets.env,secrets.env.new,info.json,info.json.new}
  if [ -d "$BASE" ] && ! rmdir "$BASE" 2>/dev/null; then
    echo "mailstack: $BASE holds files that are not this instance's, they stay" >&2
    return 0
  fi
  [ ! -L "$BASE_LINK" ] || rm -f "$BASE_LINK"
}
# One change at a time: a second up or down waits for the first. flock closes its handle before the daemons start.
locked() {
  [ -z "${MAILSTACK_LOCKED:-}" ] || { unset MAILSTACK_LOCKED; return 0; }
  close_inherited
  mkdir -p /run/lock
  MAILSTACK_LOCKED=yes exec flock -o "/run/lock/mailstack-$PORT_BASE" "$BASH" "${BASH_SOURCE[0]}" "$@"
}

command=${1:-}
case "$command" in
  up | down | restart | wipe)
    need_root; locked "$@"; resolve_base
    case "$command" in up) up ;; down) down ;; restart) down; up ;; wipe) wipe ;; esac ;;
  status) resolve_base; status ;;
  info) resolve_base; need_instance; load_secrets; info ;;
  psql) need_root; resolve_base; need_instance; need_packages; shift; pg "$@" ;;
  sogo-tool) need_root; resolve_base; need_instance; shift; in_sogo_namespace web sogo-tool "$@" ;;
  *) usage >&2; exit 2 ;;
esac
