# Read by the scripts beside it: what may be set, and what follows from it.
: "${DEMO_DIR:=var/demo}"
: "${DEMO_PORT:=8080}"
: "${MAIL_PORT_BASE:=43000}"
: "${DEMO_SERVERS:=1}"
: "${DEMO_SAMPLE:=1}"
for number in DEMO_PORT MAIL_PORT_BASE DEMO_SERVERS; do
  [[ "${!number}" =~ ^[0-9]+$ ]] || { echo "demo: $number is “${!number}”, not a number" >&2; exit 2; }
done
case "$DEMO_DIR" in /*) ;; *) DEMO_DIR="$root/$DEMO_DIR" ;; esac
url="http://127.0.0.1:$DEMO_PORT"
: "${CARGO_TARGET_DIR:=$root/target}"
: "${PILOTHOUSE:=$CARGO_TARGET_DIR/release/pilothouse}"   # a program that is there already is not built
export DEMO_DIR DEMO_PORT MAIL_PORT_BASE DEMO_SERVERS DEMO_SAMPLE CARGO_TARGET_DIR PILOTHOUSE
# Each password hash takes 19 MiB for a moment; glibc would keep such pieces, one for each thread, for good.
MALLOC="MALLOC_ARENA_MAX=1 MALLOC_MMAP_THRESHOLD_=262144 MALLOC_TRIM_THRESHOLD_=131072"
