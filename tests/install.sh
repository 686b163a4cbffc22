#!/bin/bash
# Installs what the tests need beyond the mail stack: a browser with its driver, the accessibility checker, the runner.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

missing=()
for package in chromium chromium-driver fonts-inter fonts-dejavu-core nodejs npm python3; do
  case "$package" in
    nodejs | npm) command -v "${package/nodejs/node}" >/dev/null && continue ;;
    python3) command -v python3 >/dev/null && continue ;;
  esac
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  export DEBIAN_FRONTEND=noninteractive
  install() { apt-get install -y -q --no-install-recommends "${missing[@]}"; }
  install || { apt-get update -q && install; }
fi
cargo nextest --version >/dev/null 2>&1 || cargo install --locked cargo-nextest
[ -d "$root/tests/browser/node_modules/axe-core" ] || npm ci --silent --no-audit --no-fund --prefix "$root/tests/browser"
