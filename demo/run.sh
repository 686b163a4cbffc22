#!/bin/bash
# `make demo`: private mail stacks and the panel on loopback, with sample tenants and real mail, in the foreground.
# Ctrl-C or SIGTERM ends everything this started, and nothing else. Settings are in the README.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(dirname "$here")"
. "$here/settings.sh"
[ "$(id -u)" = 0 ] || { echo "demo: run as root; the mail servers give up their privileges themselves" >&2; exit 1; }

mkdir -p "$DEMO_DIR"
exec 9>"$DEMO_DIR/.lock"
flock -n 9 || { echo "demo: another one runs in $DEMO_DIR" >&2; exit 1; }

panel=
stopping=
stop() {
  [ -z "$stopping" ] || return 0
  stopping=yes
  rm -f "$DEMO_DIR/demo.json"
  # Whoever runs by now as the panel: ours, or one that was started by hand after ours was killed.
  [ ! -s "$DEMO_DIR/panel.pid" ] || kill "$(cat "$DEMO_DIR/panel.pid")" 2>/dev/null || true
  [ -z "$panel" ] || wait "$panel" 2>/dev/null || true
  for n in $(seq 1 "$DEMO_SERVERS"); do stack "$n" down || true; done
}
trap 'stop' EXIT
trap 'exit 0' INT TERM HUP

stack() { # stack N COMMAND …
  local n=$1
  shift
  local offers=everything
  [ "$DEMO_SERVERS" = 1 ] || [ "$n" != 1 ] || offers=pop_imap
  BASE="$DEMO_DIR/mail-$n" PORT_BASE=$((MAIL_PORT_BASE + (n - 1) * 1000)) OFFERS=$offers \
    MAIL_HOSTNAME="mail-$n.pilothouse.test" "$root/mailstack/stack.sh" "$@" 9>&-
}

"$root/mailstack/install.sh"
"$here/build.sh"
for n in $(seq 1 "$DEMO_SERVERS"); do stack "$n" up; done

"$here/settle.sh"

line="$MALLOC PILOTHOUSE_CONFIG=$DEMO_DIR/pilothouse.toml $PILOTHOUSE serve --pid-file $DEMO_DIR/panel.pid"
env $MALLOC PILOTHOUSE_CONFIG="$DEMO_DIR/pilothouse.toml" "$PILOTHOUSE" serve --pid-file "$DEMO_DIR/panel.pid" \
  >>"$DEMO_DIR/panel.log" 2>&1 9>&- &
panel=$!
for _ in $(seq 1 200); do
  curl -sf -o /dev/null "$url/readyz" && break
  kill -0 "$panel" 2>/dev/null || { tail -5 "$DEMO_DIR/panel.log" >&2; echo "demo: the panel ended; all of it is in $DEMO_DIR/panel.log" >&2; exit 1; }
  sleep 0.1
done
curl -sf -o /dev/null "$url/readyz" || { echo "demo: the panel does not answer at $url/readyz" >&2; exit 1; }

if [ "$DEMO_SAMPLE" = 1 ] && [ ! -e "$DEMO_DIR/sample.done" ]; then
  echo "demo: filling in sample tenants and their mail"
  python3 "$here/sample.py" "$DEMO_DIR" "$url" "$root/mailstack/stack.sh" "$DEMO_SERVERS"
  touch "$DEMO_DIR/sample.done"
fi
python3 "$here/describe.py" "$DEMO_DIR" "$url" "$panel" "$DEMO_SERVERS"

cat <<TEXT

Pilothouse is at $url
  sign in as  owner@pilothouse.test
  password    $(cat "$DEMO_DIR/owner.password")
  API key     in $DEMO_DIR/demo.json, with the ports of the mail servers

The panel is process $panel. Should it be killed, this line starts it again where it was:
  $line

Ctrl-C stops everything; \`make demo\` brings it back as it was, \`make demo-reset\` wipes it.
TEXT

# The mail servers go on when the panel dies, so that it can be started again by hand.
while :; do
  sleep 3600 9>&- &
  wait $! || true
done
