#!/bin/bash
# fuzz-api.sh URL KEY [EXAMPLES]: requests made from the OpenAPI document, right and wrong ones, to a
# running panel. Fails on a 5xx and on any answer that the document does not allow.
# The key should be an owner's on the tenant `acme`, which has a user ann@acme.test.
set -euo pipefail
url=$1 key=$2 examples=${3:-15}
settings=$(realpath "$(dirname "${BASH_SOURCE[0]}")")/fuzz-api.toml
if ! command -v schemathesis >/dev/null; then
  echo "schemathesis is not installed: pip install schemathesis==4.32.5" >&2
  exit 127
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"

# Left out: a stream does not end; a sound body may still name a domain that is not there
# (positive_data_acceptance); a name that was removed may be made again (use_after_free).
fuzz() {
  schemathesis --config-file "$settings" run "$url/api/v1/openapi.json" \
    --url "$url" --header "Authorization: Bearer $key" \
    --exclude-operation-id listenToConversion \
    --exclude-checks positive_data_acceptance,use_after_free,ensure_resource_availability \
    --phases examples,coverage,fuzzing --max-examples "$examples" --seed 20261124 \
    --continue-on-failure --suppress-health-check all --request-timeout 20 --no-color "$@"
}

# First without DELETE, so that what the paths name stays; then everything.
fuzz --exclude-method DELETE
fuzz
