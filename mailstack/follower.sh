# What follows something for the directory begins with: in BASE/run, with a log and a pid file of its own name, with the password
# of the role "mail" and no other secret. Sourced by front-forwards.sh and last-logins.sh.
# usage: . follower.sh NAME BASE POSTGRES_PORT
NAME=$1 BASE=$2 PORT_PG=$3
cd "$BASE/run" || exit 1
exec >>"$BASE/log/$NAME.log" 2>&1
. "$BASE/secrets.env"
echo $$ > "$BASE/run/$NAME.pid"
export PGPASSWORD=$PG_MAIL_PASSWORD PGCONNECT_TIMEOUT=5
unset DOVEADM_API_KEY MASTER_PASSWORD PG_PANEL_PASSWORD PG_SOGO_PASSWORD

ask() { psql -qXAt -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$PORT_PG" -U mail -d directory "$@"; }
