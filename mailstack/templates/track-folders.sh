#!/bin/sh
# Runs between the login and the session on SOGo's IMAP door, as the owner of the mail (dovecot.conf, imap-sogo).
# Turns the tracking of changes on in folders that lack it. Without it SELECT leaves HIGHESTMODSEQ out and SOGo's
# ActiveSync shows the folder empty; that is so for every folder in which no client ever used CONDSTORE.
# STATUS (HIGHESTMODSEQ) is no cure, it may be answered from the list index; EXAMINE after ENABLE CONDSTORE is.
# Arguments: the command that goes on with the login.
cd "$HOME/Maildir" 2>/dev/null || exec "$@"
indexes=@BASE@/control/${HOME##*/} inbox=.INBOX/
[ -d @BASE@/control ] || indexes=. inbox=
newline='
'
# Dovecot names the extension in the index, or in its log as long as that was not merged into it.
tracked=$newline$(cd "$indexes" && grep -ls modseq ${inbox}dovecot.index ${inbox}dovecot.index.log .[!.]*/dovecot.index .[!.]*/dovecot.index.log)
untracked=
for folder in .[!.]*/cur; do
  [ -d "$folder" ] || continue
  folder=${folder%/cur}
  case $tracked in *"$newline$folder/dovecot.index"*) ;; *) untracked="$untracked${folder#.}$newline" ;; esac
done
case $tracked in *"$newline${inbox}dovecot.index"*) ;; *) untracked="${untracked}INBOX$newline" ;; esac
[ -n "$untracked" ] || exec "$@"

{
  printf 'a ENABLE CONDSTORE\r\n'
  printf %s "$untracked" | sed -e 's,\.,/,g' -e 's,[\\"],\\&,g' -e 's,.*,b EXAMINE "&"\r,'
  printf 'c LOGOUT\r\n'
} | /usr/lib/dovecot/imap -c @BASE@/run/dovecot/config -u "$USER" >/dev/null 2>&1 3>&-
exec "$@"
