#!/bin/bash
# `make demo-reset`: ends what still runs of a demo in DEMO_DIR, then deletes its data.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(dirname "$here")"
. "$here/settings.sh"
[ -d "$DEMO_DIR" ] || exit 0
exec 9>"$DEMO_DIR/.lock"
flock -n 9 || { echo "demo: one runs in $DEMO_DIR; stop it first" >&2; exit 1; }
[ ! -s "$DEMO_DIR/panel.pid" ] || kill "$(cat "$DEMO_DIR/panel.pid")" 2>/dev/null || true
for base in "$DEMO_DIR"/mail-*; do
  [ ! -d "$base" ] || BASE="$base" "$root/mailstack/stack.sh" wipe
done
rm -rf "$DEMO_DIR"
