# Processes of this instance: which run, how to wait for them, how to end exactly them.

# A zombie counts as ended: in a container pid 1 may reap orphans late, and kill -0 would still succeed.
running() {
  local state
  state=$(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null) && [ -n "$state" ] && [ "$state" != Z ]
}
# Is the process ours? After a crash another program may have got the number in an old pid file.
ours() { tr '\0' ' ' < "/proc/$1/cmdline" 2>/dev/null | grep -qF "$BASE/" || [[ "$(readlink "/proc/$1/cwd")" == "$BASE"/* ]]; }
pid_in() { head -1 "$1" 2>/dev/null | tr -d '[:space:]'; }
alive() {
  local pid
  pid=$(pid_in "$1")
  [ -n "$pid" ] && running "$pid" && ours "$pid"
}

# wait_until SECONDS WHAT COMMAND…: polls; says WHAT did not happen when time is up.
wait_until() {
  local seconds=$1 what=$2 deadline
  shift 2
  deadline=$((SECONDS + seconds))
  until "$@"; do
    [ $SECONDS -lt $deadline ] || { echo "mailstack: $what, not within $seconds s (logs: $BASE/log)" >&2; return 1; }
    sleep 0.03
  done
}
answers() { (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null; }
wait_port() { wait_until 15 "port $2 should open" answers "$1" "$2"; }
gone() { ! running "$1"; }

# stop_pid FILE [SIGNAL]: ends the process named there, with SIGKILL after 10 s.
stop_pid() {
  local pid
  alive "$1" || return 0
  pid=$(pid_in "$1")
  kill "-${2:-TERM}" "$pid" 2>/dev/null || return 0
  wait_until 10 "process $pid should end" gone "$pid" 2>/dev/null || kill -KILL "$pid" 2>/dev/null || true
}
# Daemons that still work inside BASE after a stop. Not every process there: a person's shell may stand in the logs.
leftovers() {
  local dir
  for dir in /proc/[0-9]*; do
    case "$(readlink "$dir/exe" 2>/dev/null)" in
      /usr/lib/dovecot/* | /usr/lib/postfix/* | /usr/lib/postgresql/* | /usr/sbin/dovecot* | /usr/sbin/sogod* | /usr/sbin/nginx* | /usr/bin/memcached*)
        [[ "$(readlink "$dir/cwd" 2>/dev/null)" != "$BASE"/* ]] || echo "${dir#/proc/}" ;;
    esac
  done
}

# launch COMMAND…: starts a daemon with none of our caller's handles; a pipe of the caller would else stay open with it.
launch() {
  "$@" </dev/null >>"$BASE/log/start.log" 2>&1 && return 0
  echo "mailstack: $1 did not start:" >&2
  tail -n 5 "$BASE/log/start.log" >&2
  return 1
}
# The same for handles above 2, which launch cannot redirect. 255 is the shell's own.
close_inherited() {
  local handle
  for handle in "/proc/$$/fd"/*; do
    handle=${handle##*/}
    [ "$handle" -le 2 ] || [ "$handle" = 255 ] || eval "exec $handle>&-"
  done
}

# as USER COMMAND…: runs it under that account, with its groups.
as() {
  local user=$1
  shift
  setpriv --reuid="$user" --regid="$(id -g "$user")" --init-groups env HOME=/ "$@"
}
