#!/bin/bash
# Follows the front door's log and SOGo's webmail log and notes the last login per mailbox and protocol in the directory.
# Started and ended by stack.sh. IMAP and POP3 are noted by Dovecot itself, SMTP by a Postfix look-up (FACTS.md §8).
# usage: last-logins.sh BASE POSTGRES_PORT
set -uo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/follower.sh" last-logins "$1" "$2"

# Entries go over stdin, as one JSON value: the shell never reads what a client sent.
note() {
  ask -v "seen=[$1]" >/dev/null <<<"SELECT note_logins(:'seen'::jsonb);"
}

# nginx writes {"login", "protocol", "at"} lines; SOGo's line names the user at the end of a sentence.
entry() {
  case "$1" in
    '{'*'}') printf '%s' "$1" ;;
    *"successful login from "*" for user '"*)
      local login=${1#*" for user '"}
      login=${login%%"' - expire"*}
      [[ $login == *[\"\\[:cntrl:]]* ]] || printf '{"login": "%s", "protocol": "webmail", "at": %s}' "$login" "$EPOCHSECONDS" ;;
  esac
}

exec 3< <(exec tail -q -n 0 -F "$BASE/log/front-logins.log" "$BASE/log/sogo-web.log" 2>/dev/null)
tail_pid=$!
trap 'kill "$tail_pid" 2>/dev/null' EXIT
trap 'exit 0' TERM INT

while IFS= read -r line <&3; do
  # One line brings others: gather for half a second, then write once.
  batch=$(entry "$line") until=$((${EPOCHREALTIME/./} + 500000)) count=1
  while [ "${EPOCHREALTIME/./}" -lt "$until" ] && [ $count -lt 500 ]; do
    IFS= read -r -t 0.2 line <&3 || continue
    more=$(entry "$line")
    [ -z "$more" ] || { batch+="${batch:+,}$more"; count=$((count + 1)); }
  done
  [ -z "$batch" ] || note "$batch" || echo "$(date -Is) $count logins could not be noted"
done
