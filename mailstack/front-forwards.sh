#!/bin/bash
# Tells the front door which addresses live on another server, and where: from the directory into a file that nginx includes.
# A change is there within half a second or so; many changes at once make one reload. Started and ended by stack.sh.
# usage: front-forwards.sh BASE POSTGRES_PORT
set -uo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/follower.sh" front-forwards "$1" "$2"

# An upstream per server, so that its name is looked up when nginx starts and not for each request; the address of each
# mailbox with its upstream; and what to call that server. Addresses hold neither quotes nor backslashes (directory.sql);
# the backslash before one keeps nginx from reading it as an expression or a word of its own.
config() {
  ask <<'SQL'
SELECT format('upstream home-%s { server %s; }', md5(http), regexp_replace(http, '^https?://', '')
    || CASE WHEN http ~ ':[0-9]+$' THEN '' WHEN http LIKE 'https:%' THEN ':443' ELSE ':80' END)
  FROM (SELECT DISTINCT http FROM front_forwards) h ORDER BY 1;
SELECT 'map $login_name $home {';
SELECT 'default "";';
SELECT format('"\\%s" "%s://home-%s";', address, split_part(http, ':', 1), md5(http)) FROM front_forwards ORDER BY address;
SELECT '}';
SELECT 'map $home $home_host {';
SELECT 'default "";';
SELECT format('"%s://home-%s" "%s";', split_part(http, ':', 1), md5(http), regexp_replace(http, '^https?://', ''))
  FROM (SELECT DISTINCT http FROM front_forwards) h ORDER BY 1;
SELECT '}';
SQL
}

take_over() {
  local file="$BASE/etc/nginx/forwards.conf"
  config > "$file.new" || return 1
  if cmp -s "$file.new" "$file"; then rm "$file.new"; return 0; fi
  mv "$file.new" "$file"
  # Its own words go to nginx.log; a file that it refuses leaves the old one in effect.
  nginx -e "$BASE/log/nginx.log" -p "$BASE/run/nginx" -c "$BASE/etc/nginx/nginx.conf" -s reload
}

trap 'kill $(jobs -p) 2>/dev/null; exit 0' TERM INT
while :; do
  seen=
  # One session asks again and again; when it ends, the database was restarted.
  exec 3< <(ask <<<'SELECT last_value FROM forwards_changes \watch 0.4' 2>&1)
  while IFS= read -r now <&3; do
    [[ $now =~ ^[0-9]+$ ]] || continue
    [ "$now" != "$seen" ] || continue
    if take_over; then seen=$now; else echo "$(date -Is) the front door was not told of change $now"; fi
  done
  exec 3<&-
  sleep 1
done
