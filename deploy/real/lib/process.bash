# shellcheck shell=bash
# Processes that outlive this script, found again through pid files. A file
# holds pid, birth and port. The birth (clock ticks since boot) makes the pid
# unambiguous: after a reboot or a wrap of the pids, a number alone could name
# somebody else's process, and stop would kill it.

record_of() { echo "$FLOODGATE_REAL_DIR/$1.pid"; }
log_of() { echo "$FLOODGATE_REAL_DIR/log/$1.log"; }

# process_stat PID: its state letter and birth, fields 3 and 22 of its stat
# file. The name in field 2 may hold blanks, so count behind its bracket.
process_stat() {
  local stat
  { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
  # shellcheck disable=SC2086
  set -- ${stat##*) }
  echo "$1 ${20}"
}

# pid_of NAME: the pid of the process started for NAME, if it still lives.
pid_of() {
  local pid birth state now
  { read -r pid birth _ <"$(record_of "$1")"; } 2>/dev/null || return 1
  read -r state now < <(process_stat "$pid") || return 1
  # A zombie was killed and only waits to be reaped.
  [[ $now == "$birth" && $state != Z ]] || return 1
  echo "$pid"
}

process_paused() {
  local pid state
  pid=$(pid_of "$1") || return 1
  read -r state _ < <(process_stat "$pid") && [[ $state == T ]]
}

# process_spawn NAME PORT DIR CMD…: starts CMD in DIR, detached in a session of
# its own, so that Ctrl-C at a `with` reaches the command and not the servers.
process_spawn() {
  local name=$1 port=$2 dir=$3 pid birth
  shift 3
  (
    cd "$dir" || exit 1
    exec setsid "$@" </dev/null >>"$(log_of "$name")" 2>&1 9>&-
  ) &
  pid=$!
  read -r _ birth < <(process_stat "$pid") || return 1
  echo "$pid $birth $port" >"$(record_of "$name")"
}

# process_signal NAME SIGNAL: STOP and CONT are for its children too, by which
# PostgreSQL serves the connections that it has.
process_signal() {
  local pid child children=()
  pid=$(pid_of "$1") && kill -s "$2" "$pid" 2>/dev/null || return 1
  [[ $2 == STOP || $2 == CONT ]] || return 0
  read -r -a children <"/proc/$pid/task/$pid/children" || true
  for child in "${children[@]}"; do
    kill -s "$2" "$child" 2>/dev/null || true
  done
}

# await_death NAME SECONDS
await_death() {
  local end=$((SECONDS + $2))
  while pid_of "$1" >/dev/null; do
    ((SECONDS < end)) || return 1
    sleep 0.05
  done
}

# process_stop NAME SIGNAL: orderly within 15 s, then by force. CONT comes
# second because a paused process acts on no signal but KILL.
process_stop() {
  local name=$1
  if process_signal "$name" "$2"; then
    process_signal "$name" CONT || true
    await_death "$name" 15 || process_kill "$name"
  fi
  rm -f "$(record_of "$name")"
}

# process_kill NAME: as a crash. The record stays, so that status can tell a
# server that died from one that was never started.
process_kill() {
  process_signal "$1" KILL || return 0
  await_death "$1" 15
}

# port_taken PORT
port_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# await_port PORT SECONDS: until nobody listens there. The threads of a process
# that was just killed hold its sockets a moment longer than it is in sight.
await_port() {
  local end=$((SECONDS + $2))
  while port_taken "$1"; do
    ((SECONDS < end)) || return 1
    sleep 0.05
  done
}
