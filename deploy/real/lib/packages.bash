# shellcheck shell=bash
# The verbs over servers that run as processes of this machine. Each kind of
# server (kafka, redis, postgres) brings KIND_install, KIND_prepare NAME,
# KIND_spawn NAME PORT and KIND_answers PORT.

# server_data NAME: its data directory, a normal one for all but PostgreSQL.
server_data() {
  if [[ $1 == postgres ]]; then
    postgres_data
  else
    echo "$FLOODGATE_REAL_DIR/$1"
  fi
}

# packages_port NAME: where it was started, else where it would be.
packages_port() {
  local port
  if pid_of "$1" >/dev/null; then
    read -r _ _ port <"$(record_of "$1")"
    echo "$port"
  else
    configured_port "$1"
  fi
}

# server_state NAME: down, died, paused, silent or up.
server_state() {
  if [[ ! -f $(record_of "$1") ]]; then
    echo down
  elif ! pid_of "$1" >/dev/null; then
    echo died
  elif process_paused "$1"; then
    echo paused
  elif "$(kind_of "$1")_answers" "$(packages_port "$1")"; then
    echo up
  else
    echo silent
  fi
}

packages_state() { server_state "$1"; }

# server_await NAME SECONDS: until it answers; at once no if it ends.
server_await() {
  local end=$((SECONDS + $2)) state
  while state=$(server_state "$1"); [[ $state != up ]]; do
    [[ $state != died ]] && ((SECONDS < end)) || return 1
    sleep 0.1
  done
}

# server_launch NAME: starts a server that does not live.
server_launch() {
  local name=$1 kind port
  kind=$(kind_of "$name")
  port=$(configured_port "$name")
  if ! await_port "$port" 5; then
    say "$name: port $port is taken by a process not started from here; set another by FLOODGATE_REAL_*_PORT"
    return 1
  fi
  "${kind}_prepare" "$name" && "${kind}_spawn" "$name" "$port" &&
    server_await "$name" 60 && return 0
  say "$name does not answer on port $port; the end of $(log_of "$name"):"
  tail -n 20 "$(log_of "$name")" >&2
  process_stop "$name" TERM
  return 1
}

# server_mend NAME: one that lives is woken and given time before it is ended.
server_mend() {
  if process_signal "$1" CONT; then
    server_await "$1" 10 && return 0
    say "$1 lives but does not answer: starting it anew"
    server_end "$1"
  fi
  server_launch "$1"
}

# server_end NAME: PostgreSQL waits for its clients at TERM, hence INT.
server_end() {
  local signal=TERM
  [[ $1 != postgres ]] || signal=INT
  process_stop "$1" "$signal"
}

# packages_start NAMES…: side by side, and prints the names that were not up.
packages_start() {
  local name pid missing=() pids=() failed=0
  for name; do
    [[ $(server_state "$name") == up ]] || missing+=("$name")
  done
  for name in "${missing[@]}"; do
    "$(kind_of "$name")_install" || return 1
  done
  for name in "${missing[@]}"; do
    server_mend "$name" >/dev/null &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do
    wait "$pid" || failed=1
  done
  [[ ${#missing[@]} -eq 0 ]] || printf '%s\n' "${missing[@]}"
  return "$failed"
}

# packages_stop remove|keep NAMES…
packages_stop() {
  local data=$1 name
  shift
  for name; do
    server_end "$name" &
  done
  wait
  for name; do
    [[ $data == keep ]] || rm -rf "$(server_data "$name")"
  done
}

packages_status() {
  local name state failed=0
  for name; do
    state=$(server_state "$name")
    printf '%-9s %-7s 127.0.0.1:%s %s\n' "$name" "$state" "$(packages_port "$name")" \
      "$(pid_of "$name" || true)"
    [[ $state == up ]] || failed=1
  done
  return "$failed"
}

packages_restart() {
  local name
  for name; do
    server_end "$name"
    server_launch "$name" || return 1
  done
}

# signal_all SIGNAL NAMES…
signal_all() {
  local signal=$1 name
  shift
  for name; do
    process_signal "$name" "$signal" || { say "$name does not run"; return 1; }
  done
}

packages_pause() { signal_all STOP "$@"; }
packages_resume() { signal_all CONT "$@"; }

packages_kill() {
  local name
  for name; do
    pid_of "$name" >/dev/null || { say "$name does not run"; return 1; }
    process_kill "$name"
  done
}

packages_kafka_tool() {
  kafka_install && kafka_tool "org.apache.kafka.tools.$1" "${@:2}"
}
