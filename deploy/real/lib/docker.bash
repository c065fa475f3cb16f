# shellcheck shell=bash
# The same verbs over containers. The project is named after the directory, so
# that stop ends what was started for it and for no other copy.

compose() {
  local project
  project=floodgate-real-$(cksum <<<"$FLOODGATE_REAL_DIR" | cut -d' ' -f1)
  FLOODGATE_REAL_KAFKA_PORT=$FLOODGATE_REAL_KAFKA_PORT \
  FLOODGATE_REAL_KAFKA_ADVERTISED=$FLOODGATE_REAL_KAFKA_ADVERTISED \
  FLOODGATE_REAL_KAFKA_HEAP=$FLOODGATE_REAL_KAFKA_HEAP \
  FLOODGATE_REAL_KAFKA_1_PORT=$(configured_port kafka-1) \
  FLOODGATE_REAL_KAFKA_2_PORT=$(configured_port kafka-2) \
  FLOODGATE_REAL_KAFKA_3_PORT=$(configured_port kafka-3) \
  FLOODGATE_REAL_REDIS_PORT=$FLOODGATE_REAL_REDIS_PORT \
  FLOODGATE_REAL_POSTGRES_PORT=$FLOODGATE_REAL_POSTGRES_PORT \
    docker compose --project-name "$project" --profile cluster \
    --file "$REAL_REPO/deploy/compose/compose.yaml" "$@"
}

docker_port() { configured_port "$1"; }

# docker_state NAME: down, died, paused, silent or up, by the health check.
docker_state() {
  local state
  state=$(compose ps --all --format '{{.State}} {{.Health}}' "$1" 2>/dev/null)
  case $state in
    'running healthy'*) echo up ;;
    running*) echo silent ;;
    paused*) echo paused ;;
    '') echo down ;;
    *) echo died ;;
  esac
}

# docker_start NAMES…: prints the names that were not up.
docker_start() {
  local name missing=()
  for name; do
    case $(docker_state "$name") in
      up) continue ;;
      paused) compose unpause "$name" >&2 || return 1 ;;
    esac
    missing+=("$name")
  done
  [[ ${#missing[@]} -gt 0 ]] || return 0
  compose up --detach --wait "${missing[@]}" >&2 || return 1
  printf '%s\n' "${missing[@]}"
}

# docker_stop remove|keep NAMES…: a paused container takes no stop.
docker_stop() {
  local data=$1 name
  shift
  for name; do
    [[ $(docker_state "$name") != paused ]] || compose unpause "$name" >&2
  done
  if [[ $data == keep ]]; then
    compose stop "$@" >&2
    return
  fi
  compose rm --stop --force --volumes "$@" >&2
  # The last one out takes the project's network with it.
  [[ -n $(compose ps --all --quiet) ]] || compose down >&2
}

docker_status() {
  local name state failed=0
  for name; do
    state=$(docker_state "$name")
    printf '%-9s %-7s 127.0.0.1:%s\n' "$name" "$state" "$(configured_port "$name")"
    [[ $state == up ]] || failed=1
  done
  return "$failed"
}

docker_restart() {
  compose restart "$@" >&2 && compose up --detach --wait --no-recreate "$@" >&2
}

docker_kill() { compose kill "$@" >&2; }
docker_pause() { compose pause "$@" >&2; }
docker_resume() { compose unpause "$@" >&2; }

docker_kafka_tool() {
  compose exec -T kafka /opt/kafka/bin/kafka-run-class.sh "org.apache.kafka.tools.$1" "${@:2}"
}
