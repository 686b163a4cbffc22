# Parameters of the mail stack. Each can be set in the environment; sourced by stack.sh with `set -a`.
HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
: "${BASE:=$HERE/../var/mailstack}"     # all data, configuration, logs and sockets of this instance
: "${BIND:=127.0.0.1}"                  # address of the public listeners
: "${PORT_BASE:=43000}"                 # the ports below are offsets to it
: "${MAIL_HOSTNAME:=mail.example.test}"
: "${OFFERS:=everything}"               # everything | pop_imap (no SOGo, no memcached)
: "${MASTER_USER:=panel}"               # Dovecot master user of the panel; its password is generated
: "${MAIL_USER:=mail}"                  # owner of the mail; a name in passwd, Debian always has "mail"
# SOGo roles, one process group each - name:port offset:memcached offset:workers:column that admits:web access.
# A waiting ActiveSync Ping holds one eas worker, so this many phones can wait at once.
: "${SOGO_EAS_WORKERS:=4}"
SOGO_ROLES="web:20:211:2:web_access:YES eas:21:212:$SOGO_EAS_WORKERS:eas_access:YES dav:22:213:1:dav_access:NO"

port() { echo $((PORT_BASE + $1)); }
# For the clients
PORT_IMAP=$(port 143) PORT_IMAPS=$(port 993) PORT_POP3=$(port 110) PORT_POP3S=$(port 995)
PORT_SMTP=$(port 25) PORT_SUBMISSION=$(port 587) PORT_SIEVE=$(port 190) PORT_FRONT=$(port 80)
# Inner doors, always on 127.0.0.1
PORT_PG=$(port 32) PORT_DOVEADM=$(port 81) PORT_LMTP=$(port 24)
PORT_SOGO_WEB=$(port 20) PORT_SOGO_EAS=$(port 21) PORT_SOGO_DAV=$(port 22)
PORT_SOGO_IMAP=$(port 144) PORT_SOGO_SMTP=$(port 26) PORT_PANEL_IMAP=$(port 145)
