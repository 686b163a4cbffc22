#!/bin/sh
# Registers the mail stack beside it (again at each start, which changes nothing), then serves.
set -eu
pilothouse migrate
pilothouse mail-server add --name mail-1 --adapter dovecot_sogo --info /srv/mail/info.json
exec pilothouse serve
