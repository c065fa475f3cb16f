# shellcheck shell=bash
# Settings, names and addresses. Every setting is an environment variable with
# a default, so that CI, a person and a second copy beside them can differ.

REAL_REPO=$(cd "$REAL_HOME/../.." && pwd)

: "${FLOODGATE_REAL_DIR:=$REAL_REPO/.cache/real}"           # data, logs, pid files
: "${FLOODGATE_REAL_KAFKA_LIBS:=$REAL_REPO/.cache/real/kafka-libs}"
: "${FLOODGATE_REAL_KAFKA_PORT:=19092}"                     # its controller: one more
: "${FLOODGATE_REAL_KAFKA_CLUSTER_PORT:=19192}"             # the next nodes: +100, +200
: "${FLOODGATE_REAL_KAFKA_HEAP:=512m}"
: "${FLOODGATE_REAL_KAFKA_ADVERTISED:=127.0.0.1:$FLOODGATE_REAL_KAFKA_PORT}"
: "${FLOODGATE_REAL_REDIS_PORT:=16379}"
: "${FLOODGATE_REAL_POSTGRES_PORT:=15432}"
: "${FLOODGATE_REAL_FLAVOUR:=}"                             # docker | packages | by what there is

# A relative directory would mean another place for each server, since every
# server runs inside its own data directory.
mkdir -p "$FLOODGATE_REAL_DIR/log"
FLOODGATE_REAL_DIR=$(cd "$FLOODGATE_REAL_DIR" && pwd)

SINGLE_NAMES=(kafka redis postgres)
CLUSTER_NAMES=(kafka-1 kafka-2 kafka-3)
ALL_NAMES=("${SINGLE_NAMES[@]}" "${CLUSTER_NAMES[@]}")

# All words for people go to stderr: stdout carries export lines and names.
say() { echo "real: $*" >&2; }

check_names() {
  local name
  for name; do
    case " ${ALL_NAMES[*]} " in
      *" $name "*) ;;
      *) say "unknown server $name; known: ${ALL_NAMES[*]}"; exit 2 ;;
    esac
  done
}

# kafka-2 is a kafka: the kind is the prefix of the functions that serve it.
kind_of() { echo "${1%%-*}"; }

configured_port() {
  case $1 in
    kafka) echo "$FLOODGATE_REAL_KAFKA_PORT" ;;
    kafka-*) echo $((FLOODGATE_REAL_KAFKA_CLUSTER_PORT + (${1#kafka-} - 1) * 100)) ;;
    redis) echo "$FLOODGATE_REAL_REDIS_PORT" ;;
    postgres) echo "$FLOODGATE_REAL_POSTGRES_PORT" ;;
  esac
}

# Containers where there is a daemon that answers, packages where not. What
# runs from packages stays in their hands even if a daemon appears later.
choose_flavour() {
  if [[ -n $FLOODGATE_REAL_FLAVOUR ]]; then
    echo "$FLOODGATE_REAL_FLAVOUR"
  elif compgen -G "$FLOODGATE_REAL_DIR/*.pid" >/dev/null; then
    echo packages
  elif docker info >/dev/null 2>&1 && docker compose version >/dev/null 2>&1; then
    echo docker
  else
    echo packages
  fi
}

print_env() {
  local flavour=$1 postgres
  postgres="127.0.0.1:$("${flavour}_port" postgres)"
  echo "export FLOODGATE_KAFKA_BROKERS=127.0.0.1:$("${flavour}_port" kafka)"
  echo "export FLOODGATE_REDIS_ADDRS=127.0.0.1:$("${flavour}_port" redis)"
  echo "export FLOODGATE_DATABASE_URL='postgres://floodgate:floodgate@$postgres/floodgate?sslmode=disable'"
}

print_cluster_env() {
  local flavour=$1 name brokers=
  for name in "${CLUSTER_NAMES[@]}"; do
    brokers+=",127.0.0.1:$("${flavour}_port" "$name")"
  done
  echo "export FLOODGATE_KAFKA_BROKERS=${brokers#,}"
}

# Runs a command alone among all callers that share the directory: two starts
# at once would race for the ports. In a subshell, so that neither a server
# nor the command of `with` inherits the lock and holds it for ever.
locked() {
  if ! command -v flock >/dev/null; then # not on macOS, where docker compose itself serialises
    "$@"
    return
  fi
  (
    flock 9
    "$@"
  ) 9>"$FLOODGATE_REAL_DIR/lock"
}
