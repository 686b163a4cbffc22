#!/bin/bash
# Keeps a mail stack up for as long as the container runs.
set -euo pipefail
stack=/opt/pilothouse/mailstack/stack.sh
trap '"$stack" down; exit 0' TERM INT
"$stack" up
while sleep 10 & wait $!; do "$stack" status >/dev/null || "$stack" up; done
