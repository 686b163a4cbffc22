#!/bin/bash
# Builds the panel as it would be shipped.
set -euo pipefail
root="$(dirname "$(dirname "${BASH_SOURCE[0]}")")"
cargo build --release --locked --quiet --manifest-path "$root/Cargo.toml" --bin pilothouse
