# What the panel needs to register this instance, as JSON: addresses, ports and secrets.

info_roles() { INFO_ROLES+="${INFO_ROLES:+, }\"$ROLE\": {\"http\": \"http://127.0.0.1:$ROLE_PORT\", \"memcached\": \"127.0.0.1:$ROLE_MEMCACHED\"}"; }
info_memcached() { INFO_MEMCACHED+="${INFO_MEMCACHED:+, }\"127.0.0.1:$ROLE_MEMCACHED\""; }

info() {
  local offers='"imap", "pop3", "smtp"' groupware=''
  INFO_ROLES='' INFO_MEMCACHED=''
  if offers_sogo; then
    offers+=', "activesync", "dav", "webmail"'
    groupware="
  \"groupware_url\": \"postgres://panel@127.0.0.1:$PORT_PG/sogo\","
    each_role info_roles
    each_role info_memcached
  fi
  cat <<JSON
{
  "name": "$MAIL_HOSTNAME",
  "offers": [$offers],
  "host": "$BIND",
  "imap": $PORT_IMAP,
  "imaps": $PORT_IMAPS,
  "pop3": $PORT_POP3,
  "pop3s": $PORT_POP3S,
  "smtp": $PORT_SMTP,
  "submission": $PORT_SUBMISSION,
  "sieve": $PORT_SIEVE,
  "http": "http://$BIND:$PORT_FRONT",
  "lmtp": $PORT_LMTP,
  "panel_imap": "127.0.0.1:$PORT_PANEL_IMAP",
  "master_user": "$MASTER_USER",
  "master_password": "$MASTER_PASSWORD",
  "doveadm_url": "http://127.0.0.1:$PORT_DOVEADM/doveadm/v1",
  "doveadm_api_key": "$DOVEADM_API_KEY",
  "directory_url": "postgres://panel:$PG_PANEL_PASSWORD@127.0.0.1:$PORT_PG/directory",
  "directory_version": $DIRECTORY_VERSION,$groupware
  "memcached": [$INFO_MEMCACHED],
  "sogo_roles": {$INFO_ROLES},
  "ca_certificate": "$BASE/tls/cert.pem",
  "base": "$BASE"
}
JSON
}
write_info() {
  (umask 077; info > "$BASE/info.json.new")
  mv "$BASE/info.json.new" "$BASE/info.json"
}
