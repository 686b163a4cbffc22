#!/bin/bash
# Tells the front door which addresses live on another server, and where: from the directory into a file that nginx includes.
# A change is there within a third of a second or so, and then noted in the directory, where the panel waits for it; many changes
# at once make one reload. Started and ended by stack.sh.
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

# What nginx answers with now; it changes with the file. (nginx.conf: the server on the socket.)
in_effect() { curl -s --max-time 1 --unix-socket "$BASE/run/nginx/forwards.sock" http://front-door/; }

# take_over CHANGE: returns when every request is answered by the new file.
take_over() {
  local file="$BASE/etc/nginx/forwards.conf" mark="$1.$EPOCHSECONDS" try
  config > "$file.new" || return 1
  if cmp -s "$file.new" "$file" && [ -n "$MARK" ] && [ "$(in_effect)" = "$MARK" ]; then rm "$file.new"; return 0; fi
  mv "$file.new" "$file"
  printf 'map "" $forwards_mark { default "%s"; }\n' "$mark" > "$BASE/etc/nginx/forwards-mark.conf"
  MARK=$mark
  # Its own words go to nginx.log; a file that it refuses leaves the old one in effect.
  nginx -e "$BASE/log/nginx.log" -p "$BASE/run/nginx" -c "$BASE/etc/nginx/nginx.conf" -s reload || return 1
  for try in {1..60}; do
    # The worker before may take a request for a moment longer.
    if [ "$(in_effect)" = "$mark" ]; then sleep 0.05; return 0; fi
    sleep 0.05
  done
  return 1
}
note_taken() { ask -c "UPDATE forwards_changes SET taken = $1" >/dev/null; }

MARK=
# Nobody waits for a follower that has ended.
trap 'kill $(jobs -p) 2>/dev/null; note_taken NULL; exit 0' TERM INT
while :; do
  # From now on it is waited for, also with what changes before the front door was told for the first time.
  note_taken 'coalesce(taken, 0)' || { sleep 1; continue; }
  seen=
  # One session asks again and again; when it ends, the database was restarted.
  exec 3< <(ask <<<'SELECT change FROM forwards_changes \watch 0.2' 2>&1)
  while IFS= read -r now <&3; do
    [[ $now =~ ^[0-9]+$ ]] || continue
    [ "$now" != "$seen" ] || continue
    if take_over "$now" && note_taken "$now"; then
      seen=$now
    else
      echo "$(date -Is) the front door was not told of change $now"
    fi
  done
  exec 3<&-
  sleep 1
done
