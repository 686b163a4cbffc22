#!/bin/bash
# Writes the panel's settings, registers the mail servers, makes the owner and the API key: once, and again at no harm.
set -euo pipefail
umask 077
panel() { PILOTHOUSE_CONFIG="$DEMO_DIR/pilothouse.toml" "$PILOTHOUSE" "$@"; }

cat >"$DEMO_DIR/pilothouse.toml" <<TOML
listen = "127.0.0.1:$DEMO_PORT"
public_url = "http://127.0.0.1:$DEMO_PORT"

[database]
url = "sqlite://$DEMO_DIR/pilothouse.db?mode=rwc"

[secrets]
key_file = "$DEMO_DIR/secrets.key"

[mail]
transport = "file"
from = "panel@pilothouse.test"
folder = "$DEMO_DIR/mail-out"

[engine]
sweep_every_seconds = 30
usage_every_seconds = 20
TOML

panel migrate
for n in $(seq 1 "$DEMO_SERVERS"); do
  panel mail-server add --name "mail-$n" --adapter dovecot_sogo --info "$DEMO_DIR/mail-$n/info.json"
done
if [ ! -s "$DEMO_DIR/owner.password" ]; then
  panel member create --tenant platform --role owner --email owner@pilothouse.test --name "Rhona Fleet" >"$DEMO_DIR/owner.password.new"
  tail -1 "$DEMO_DIR/owner.password.new" | awk '{print $NF}' >"$DEMO_DIR/owner.password"
  rm -f "$DEMO_DIR/owner.password.new"
fi
if [ ! -s "$DEMO_DIR/api-key" ]; then
  panel api-key create --tenant platform --role owner --label demo | tail -1 | awk '{print $NF}' >"$DEMO_DIR/api-key"
fi
