#!/bin/bash
# Installs the Debian packages of the mail stack (packages.txt) that are missing. Quick when none is.
# No daemon of the packages is started, and no /etc/postfix/main.cf is made: the stack runs its own instances.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"

mapfile -t wanted < <(grep -Ev '^[[:space:]]*(#|$)' "$here/packages.txt")
missing=()
for package in "${wanted[@]}"; do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" != 0 ]; then
  echo "mailstack: these packages are missing: ${missing[*]}. Run $0 as root to install them." >&2
  exit 1
fi
echo "mailstack: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive

# invoke-rc.d asks this file before it starts a daemon; 101 means "no". A file that is already there stays.
made_policy=
if [ ! -e /usr/sbin/policy-rc.d ]; then
  printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d
  chmod 755 /usr/sbin/policy-rc.d
  made_policy=yes
fi
trap '[ -z "$made_policy" ] || rm -f /usr/sbin/policy-rc.d' EXIT

if [ ! -e /etc/postfix/main.cf ]; then
  command -v debconf-set-selections >/dev/null || apt-get install -y -q --no-install-recommends debconf
  echo 'postfix postfix/main_mailer_type select No configuration' | debconf-set-selections
fi
# Package lists may be absent (a slim container) or old: try with what is there, then once more with fresh ones.
install() { apt-get install -y -q --no-install-recommends "${missing[@]}"; }
install || { apt-get update -q && install; }
