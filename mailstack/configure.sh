# Folders, secrets, certificate and configuration files of this instance.

# BASE must be reachable for the daemons' own accounts and short enough for a socket's name (108 bytes). When it is
# not (a checkout below /root, a deep folder), the data lie in /var/lib and BASE is a symbolic link to them.
settle_base() {
  mkdir -p "$(dirname "$BASE")"
  if [ ! -e "$BASE" ]; then
    mkdir "$BASE"
    local real
    real="$(cd "$BASE" && pwd -P)"
    if [ ${#real} -gt 70 ] || ! as postgres test -x "$real"; then
      local place
      place="/var/lib/pilothouse-mailstack/$(printf %s "$real" | cksum | tr ' ' -)"
      rmdir "$BASE"
      mkdir -p "$place"
      ln -s "$place" "$BASE"
      echo "mailstack: the daemons cannot work in $real, the data are in $place"
    fi
  fi
  resolve_base
}
resolve_base() {
  BASE_LINK="$BASE"
  [ ! -e "$BASE" ] || BASE="$(cd "$BASE" && pwd -P)"
}

# Made once, kept afterwards. Hexadecimal, so that every configuration language takes them unquoted.
secrets() {
  if [ ! -s "$BASE/secrets.env" ]; then
    local name
    (umask 077; for name in DOVEADM_API_KEY MASTER_PASSWORD PG_PANEL_PASSWORD PG_MAIL_PASSWORD PG_SOGO_PASSWORD; do
      echo "$name=$(openssl rand -hex 24)"
    done > "$BASE/secrets.env.new")
    mv "$BASE/secrets.env.new" "$BASE/secrets.env"
  fi
  load_secrets
}
load_secrets() { set -a; . "$BASE/secrets.env"; set +a; }

# render TEMPLATE DESTINATION MODE OWNER: replaces each @NAME@ by the variable; an unset one is an error.
render() {
  local new="$2.new"
  (umask 077; awk -v template="$1" '
    { out = ""; rest = $0
      while (match(rest, /@[A-Z][A-Z_0-9]*@/)) {
        name = substr(rest, RSTART + 1, RLENGTH - 2)
        if (!(name in ENVIRON)) { print template ": " name " is not set" > "/dev/stderr"; exit 1 }
        out = out substr(rest, 1, RSTART - 1) ENVIRON[name]
        rest = substr(rest, RSTART + RLENGTH)
      }
      print out rest }' "$1" > "$new")
  chown "$4" "$new"; chmod "$3" "$new"; mv "$new" "$2"
}

certificate() {
  [ -f "$BASE/tls/cert.pem" ] && return 0
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj "/CN=$MAIL_HOSTNAME" \
    -addext "subjectAltName=DNS:$MAIL_HOSTNAME,DNS:localhost,IP:127.0.0.1" \
    -keyout "$BASE/tls/key.pem" -out "$BASE/tls/cert.pem" 2>/dev/null
  chmod 600 "$BASE/tls/key.pem"
}

# Where Dovecot keeps what it knows of the messages: their numbers, keywords and indexes. In a folder of its own, so that the
# mail can have a disk of its own: a Dovecot that has no room to write them takes numbers, flags and messages from people.
# Instances that were made before it keep them beside the mail, since moving them gives every message another number.
mail_location() {
  MAIL_LOCATION='maildir:~/Maildir'
  if [ ! -d "$BASE/control" ] && [ -n "$(ls -A "$BASE/mail" 2>/dev/null)" ]; then return 0; fi
  mkdir -p "$BASE/control"
  chown "$MAIL_USER:" "$BASE/control"; chmod 770 "$BASE/control"
  MAIL_LOCATION="$MAIL_LOCATION:CONTROL=$BASE/control/%{userdb:folder}:INDEX=$BASE/control/%{userdb:folder}"
}

folders() {
  mkdir -p "$BASE"/{etc/{dovecot,postfix,nginx},log,run/{pg,dovecot,memcached,nginx},lib/{postfix,dovecot},mail,spool/{postfix,sogo},tls}
  chmod 755 "$BASE" "$BASE"/{etc,log,run,lib,spool}
  chown "$MAIL_USER:" "$BASE/mail"; chmod 770 "$BASE/mail"
  chown postgres "$BASE/run/pg"
  chown memcache "$BASE/run/memcached"
  chown www-data "$BASE/run/nginx"
  chown sogo: "$BASE/spool/sogo"
  chown postfix "$BASE/lib/postfix"
}

configure_postfix() {
  local etc="$BASE/etc/postfix" map source
  render "$HERE/templates/main.cf" "$etc/main.cf" 644 root:root
  render "$HERE/templates/master.cf" "$etc/master.cf" 644 root:root
  for map in domains mailboxes closed-mailboxes forwards forwarded-again aliases senders submission-used; do
    render "$HERE/templates/pg-$map.cf" "$etc/pg-$map.cf" 640 root:postfix
  done
  for source in dynamicmaps.cf postfix-files postfix-script post-install; do
    cp "/etc/postfix/$source" "$etc/"
  done
}

# Of a row of mail_passdb, for both queries of dovecot-sql.conf.ext.
door_is_open() {
  printf %s "CASE WHEN '%{auth_user}' = '$MASTER_USER' THEN '%{lport}' = '$PORT_PANEL_IMAP'" \
    " WHEN '%{lport}' = '$PORT_PANEL_IMAP' OR NOT enabled THEN false WHEN '%{lport}' = '$PORT_SOGO_IMAP' THEN sogo" \
    " WHEN '%Ls' = 'imap' THEN imap WHEN '%Ls' = 'pop3' THEN pop3 WHEN '%Ls' = 'smtp' THEN smtp" \
    " WHEN '%Ls' = 'sieve' THEN imap OR sogo ELSE false END"
}

configure_dovecot() {
  local etc="$BASE/etc/dovecot" master
  DOOR_IS_OPEN=$(door_is_open)
  export DOOR_IS_OPEN
  render "$HERE/templates/dovecot.conf" "$etc/dovecot.conf" 600 root:root   # holds the API key
  render "$HERE/templates/dovecot-sql.conf.ext" "$etc/sql.conf.ext" 640 root:dovecot
  render "$HERE/templates/dovecot-sql-forwards.conf.ext" "$etc/sql-forwards.conf.ext" 640 root:dovecot
  render "$HERE/templates/dovecot-sql-closed.conf.ext" "$etc/sql-closed.conf.ext" 640 root:dovecot
  render "$HERE/templates/dovecot-last-login.conf.ext" "$etc/last-login.conf.ext" 640 root:dovecot
  render "$HERE/templates/track-folders.sh" "$etc/track-folders.sh" 755 root:root
  master="$(printf '%s' "$MASTER_PASSWORD" | openssl passwd -6 -stdin)"
  printf '%s:{SHA512-CRYPT}%s\n' "$MASTER_USER" "$master" > "$etc/master-users"
  chown root:dovecot "$etc/master-users"; chmod 640 "$etc/master-users"
}

configure() {
  MAIL_UID="$(id -u "$MAIL_USER")" MAIL_GID="$(id -g "$MAIL_USER")"
  folders
  mail_location
  export MAIL_UID MAIL_GID MAIL_LOCATION
  certificate
  configure_postfix
  configure_dovecot
  if offers_sogo; then
    render "$HERE/templates/nginx.conf" "$BASE/etc/nginx/nginx.conf" 644 root:root
    # front-forwards.sh writes who lives elsewhere.
    [ -s "$BASE/etc/nginx/forwards.conf" ] || printf 'map $login_name $home { default ""; }\nmap $home $home_host { default ""; }\n' \
      > "$BASE/etc/nginx/forwards.conf"
    printf 'map "" $forwards_mark { default ""; }\n' > "$BASE/etc/nginx/forwards-mark.conf"
    each_role configure_role
  else
    render "$HERE/templates/nginx-pop-imap.conf" "$BASE/etc/nginx/nginx.conf" 644 root:root
  fi
}
