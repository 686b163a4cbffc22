#!/bin/bash
# Brings up two fresh instances of the mail stack, runs every check against them, and takes them down again.
# usage: run.sh [PORT_BASE [PORT_BASE of the second instance]]   (38000, and 1000 above)
# One line per check, "N passed, M failed" at the end; exit 1 when a check failed.
set -uo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
stack="$here/../../mailstack/stack.sh"
first_ports=${1:-38000} second_ports=${2:-$((${1:-38000} + 1000))}
"$here/../../mailstack/install.sh" >&2 || exit 1

work="$(mktemp -d /var/tmp/mailstack-test.XXXXXX)"
chmod 755 "$work"
results="$work/results"
first() { BASE="$work/first" PORT_BASE=$first_ports MAIL_HOSTNAME=first.example.test OFFERS=everything "$stack" "$@"; }
second() { BASE="$work/private/second" PORT_BASE=$second_ports MAIL_HOSTNAME=second.example.test OFFERS=pop_imap "$stack" "$@"; }
finish() {
  first wipe; second wipe
  rm -rf "$work"
} 2>/dev/null
trap finish EXIT

say() { echo "$1" | tee -a "$results"; }
check() { # check SENTENCE COMMAND…
  local sentence=$1 note
  shift
  if note=$("$@" 2>&1); then say "ok $sentence${note:+ [$note]}"; else say "not ok $sentence: ${note:-it did not hold}"; fi
}
milliseconds() { local from=${EPOCHREALTIME/./}; "$@" >/dev/null || return 1; echo $(((${EPOCHREALTIME/./} - from) / 1000)); }
# Processes that work in a folder or have a file of it open. Deleted files count: their path stays readable.
processes_in() { ls -l /proc/[0-9]*/cwd /proc/[0-9]*/fd/* 2>/dev/null | grep -F "$1/" | sed -n 's,.* /proc/\([0-9]*\)/.*,\1,p' | sort -u; }
none_in() { local left; left=$(processes_in "$1"); [ -z "$left" ] || { ps -o pid,args -p "$(echo $left | tr ' ' ,)"; return 1; }; }

comes_up() { local took; took=$(milliseconds "$1" up) && "$1" status >/dev/null && echo "$took ms"; }
up_again() { local pids took; pids=$(first status); took=$(milliseconds first up) && [ "$pids" = "$(first status)" ] && [ "$took" -lt 2000 ] && echo "$took ms"; }
secrets_private() {
  [ "$(stat -c %a "$work/first/secrets.env" "$work/first/info.json" | tr '\n' ' ')" = "600 600 " ] &&
    diff <(first info) "$work/first/info.json" && ! grep -rlF "$(. "$work/first/secrets.env"; echo "$MASTER_PASSWORD")" "$work/first/etc" "$work/first/log"
}
no_sogo() {
  ! second status | grep -E 'sogo|memcached' &&
    [ "$(curl -s -o "$work/page" -w '%{http_code}' "http://127.0.0.1:$((second_ports + 80))/SOGo/")" = 404 ] && grep -q 'POP3, IMAP and SMTP only' "$work/page"
}
offers() { second info | python3 -c 'import json, sys; i = json.load(sys.stdin); assert i["offers"] == ["imap", "pop3", "smtp"] and i["memcached"] == [] and i["sogo_roles"] == {}'; }
link_made() { [ -L "$work/private/second" ] && [[ "$(readlink "$work/private/second")" == /var/lib/pilothouse-mailstack/* ]]; }
second_mail() { INFO="$work/private/second/info.json" python3 - <<'PY'
import sys; sys.path.insert(0, sys.argv[0] or "."); sys.path.insert(0, __import__("os").environ["HERE"])
from clients import *
from harness import eventually
domain("two.test"); user = account("ute@two.test"); smtp(user, "second stack")
eventually(lambda: "second stack" in subjects(imap(user, port="imaps", secure="tls")))
pop3(user, secure="tls").quit()
PY
}
older_layout() { # as an instance was whose first "up" knew no folder for them
  local base; base=$(readlink -f "$work/private/second")
  second down && rmdir "$base/control" && mkdir "$base/mail/older" && second up
}
beside_the_mail() {
  local base; base=$(readlink -f "$work/private/second")
  [ ! -e "$base/control" ] && [ -n "$(find "$base/mail" -name 'dovecot*')" ]
}
apart_from_the_mail() {
  [ -z "$(find "$work/first/mail" -name 'dovecot*' -o -name subscriptions)" ] && [ -n "$(find "$work/first/control" -name dovecot-uidlist)" ] &&
    [ -n "$(find "$work/first/control" -name subscriptions)" ]
}
down_alone() { second down && ! second status >/dev/null && first status >/dev/null && none_in "$(readlink -f "$work/private/second")"; }
down_twice() { second down; }
spares_strangers() {
  local numbered inside alive
  sleep 60 & numbered=$!
  (cd "$work/private/second/log" && exec sleep 60) & inside=$!
  echo $numbered > "$work/private/second/run/nginx/nginx.pid"
  second down
  kill -0 $numbered && kill -0 $inside
  alive=$?
  kill $numbered $inside
  rm "$work/private/second/run/nginx/nginx.pid"
  return $alive
}
names_busy_port() {
  local listener said
  python3 -c 'import socket, sys, time; s = socket.create_server(("127.0.0.1", int(sys.argv[1]))); time.sleep(60)' $((second_ports + 995)) &
  listener=$!
  sleep 0.5
  said=$(second up 2>&1)
  kill $listener
  [[ "$said" == *"port $((second_ports + 995)) is in use by another program"* ]] && ! second status | grep ^up
}
keeps_data() { comes_up second && INFO="$work/private/second/info.json" python3 -c '
import os, sys; sys.path.insert(0, os.environ["HERE"])
from clients import *
assert subjects(imap("ute@two.test")) == ["second stack"] and last_login("ute@two.test", "pop3")'; }
heals() {
  kill -KILL "$(head -1 "$work/first/run/dovecot/master.pid")"
  sleep 0.3
  ! first status >/dev/null && first up && first status >/dev/null
}
follows() { [ "$(first psql directory -Atc 'SELECT taken IS NOT NULL FROM forwards_changes')" = "$1" ]; }
follows_when_up() {
  kill "$(head -1 "$work/first/run/front-forwards.pid")"
  for _ in {1..50}; do follows f && break; sleep 0.1; done
  follows f && first up && follows t
}
keeps_strange_file() {
  echo mine > "$work/first/mine"
  first wipe && [ "$(cat "$work/first/mine")" = mine ] && [ "$(ls "$work/first")" = mine ] && rm "$work/first/mine"
}
wiped() { local base; base=$(readlink -f "$1"); "$2" wipe && [ ! -e "$1" ] && [ ! -L "$1" ] && [ ! -e "$base" ] && none_in "$base"; }
memory() { # proportional share, so that shared pages count once
  local pid sum=0 part
  for pid in $(processes_in "$work/first") $(pgrep -f "$work/first/"); do
    part=$(awk '/^Pss:/ {print $2}' "/proc/$pid/smaps_rollup" 2>/dev/null) || continue
    seen[$pid]=$part
  done
  for part in "${seen[@]}"; do sum=$((sum + part)); done
  echo "$((sum / 1024)) MB"
  [ $((sum / 1024)) -lt 600 ]
}
declare -A seen
export HERE="$here"

check "an instance comes up on an empty folder" comes_up first
check "up again is quick and touches nothing" up_again
check "secrets are made, readable by root alone, and info tells what info.json says" secrets_private
install -d -m 700 "$work/private"
check "a second instance comes up beside it, in a private folder, offering POP/IMAP only" comes_up second
check "data that the daemons could not reach lie elsewhere, behind a link" link_made
check "without SOGo the front door says so, and no process of it runs" no_sogo
check "info of that instance lists what it offers" offers
check "an instance that was made before control files had a folder of their own comes up as it was" older_layout
check "that instance takes and gives mail" second_mail
check "it keeps its control files beside the mail, so that no message gets another number" beside_the_mail

# Mostly waiting (a wrong password costs a second), so side by side.
parts="logins mail exchange forwards"
for part in $parts; do
  INFO="$work/first/info.json" OTHER="$work/private/second/info.json" python3 "$here/checks_$part.py" > "$work/$part" 2>&1 &
done
wait
for part in $parts; do
  grep -v "^# end" "$work/$part" | tee -a "$results"
  grep -q '^# end' "$work/$part" || say "not ok checks_$part.py runs to its end"
done

check "a new instance keeps them and the indexes apart from the mail, which then holds letters only" apart_from_the_mail
check "the first instance's memory is modest" memory
check "down ends one instance and leaves the other" down_alone
check "down of what is down is fine" down_twice
check "down ends no stranger: not one whose number an old pid file has, not one that stands in the folder" spares_strangers
check "a port that another program has is named, and nothing is started" names_busy_port
check "up after down finds mail and last logins again" keeps_data
check "a daemon that died shows in status, and up brings it back" heals
check "up ends when the front door follows the directory, so that no change goes unwaited for" follows_when_up
check "an unknown mode is refused" bash -c "! OFFERS=some BASE='$work/x' '$stack' up 2>/dev/null"
check "wipe leaves no process and no file of the second instance" wiped "$work/private/second" second
check "wipe leaves a file alone that is not the instance's" keeps_strange_file
check "wipe leaves no process and no file of the first instance" wiped "$work/first" first

passed=$(grep -c '^ok ' "$results") failed=$(grep -c '^not ok ' "$results")
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
