# shellcheck shell=bash
# Redis from its Debian package, without persistence: it comes back empty from
# every restart, which is what the services must bear.

redis_install() {
  install_packages redis-server=redis-server redis-cli=redis-tools
}

redis_prepare() { mkdir -p "$(server_data "$1")"; }

# DEBUG is allowed from loopback: SAVE and later DEBUG RELOAD NOSAVE set the
# data back to a snapshot, DEBUG SLEEP makes a slow server. A test that used
# SAVE leaves a dump, which a restart then loads.
redis_spawn() {
  process_spawn "$1" "$2" "$(server_data "$1")" \
    redis-server --bind 127.0.0.1 --port "$2" --daemonize no \
    --dir "$(server_data "$1")" --save '' --appendonly no \
    --enable-debug-command local
}

# redis_answers PORT: PING is answered by PONG, not by "loading".
redis_answers() {
  [[ $(timeout 2 redis-cli -h 127.0.0.1 -p "$1" PING 2>/dev/null) == PONG ]]
}
