# shellcheck shell=bash
# PostgreSQL from its Debian package: a cluster of our own beside the
# package's, with user, password and database floodgate.

# Debian keeps the server's programs out of the path, one folder per version.
postgres_bin() {
  local bin
  for bin in /usr/lib/postgresql/15/bin /usr/lib/postgresql/*/bin; do
    [[ -x $bin/initdb ]] && echo "$bin" && return
  done
  bin=$(command -v initdb) && dirname "$(readlink -f "$bin")"
}

postgres_install() {
  postgres_bin >/dev/null || install_packages initdb=postgresql || return 1
  install_packages psql=postgresql-client
}

# The server refuses to run as root, so root becomes the package's user. Not
# by su, which would stay in between: then the pid would not be the server's.
postgres_as() {
  if [[ $(id -u) == 0 ]]; then
    echo setpriv --reuid=postgres --regid=postgres --init-groups
  fi
}

# The data directory: beside the others if that user can get there (a home of
# root's cannot be traversed), else one under the temporary directory whose
# name tells the copies of this script apart.
postgres_data() {
  local as
  read -ra as < <(postgres_as) || true
  if "${as[@]}" test -x "$FLOODGATE_REAL_DIR"; then
    echo "$FLOODGATE_REAL_DIR/postgres"
  else
    echo "${TMPDIR:-/tmp}/floodgate-real-$(cksum <<<"$FLOODGATE_REAL_DIR" | cut -d' ' -f1)"
  fi
}

postgres_prepare() {
  local data as
  data=$(postgres_data)
  postgres_end_orphans "$data"
  [[ ! -f $data/ready ]] || return 0
  rm -rf "$data" # of an initdb that was interrupted
  mkdir -p "$data"
  read -ra as < <(postgres_as) || true
  [[ ${#as[@]} -eq 0 ]] || chown postgres "$data"
  (
    cd "$data" || exit 1
    postgres_initialise "${as[@]}"
  ) >>"$(log_of postgres)" 2>&1
}

# postgres_initialise AS…: fills the current directory. User and database are
# made in single-user mode, before anybody can connect: a caller must not find
# a server that lacks them. The mark `ready` comes last.
postgres_initialise() {
  local bin
  bin=$(postgres_bin)
  "$@" "$bin/initdb" -D . -U floodgate --encoding=UTF8 --locale=C.UTF-8 \
    --auth=trust --no-sync &&
    "$@" tee pg_hba.conf <<<'host all all 127.0.0.1/32 scram-sha-256' &&
    "$@" tee -a postgresql.conf <<'TEXT' &&
listen_addresses = '127.0.0.1'
unix_socket_directories = ''  # its path may be too long; clients come over TCP
max_connections = 200
synchronous_commit = on
TEXT
    "$@" "$bin/postgres" --single -D . postgres <<'TEXT' &&
ALTER USER floodgate PASSWORD 'floodgate'
CREATE DATABASE floodgate
TEXT
    "$@" touch ready
}

# postgres_end_orphans DATA: what a killed server leaves. Its backends live on
# for a while, and a new server refuses to start beside them; they run in the
# data directory, where nobody else does. Its lock file names a pid that, as
# long as nobody reaped it, still looks like a server to the next one.
postgres_end_orphans() {
  local cwd
  for cwd in /proc/[0-9]*/cwd; do
    if [[ $(readlink "$cwd" 2>/dev/null) == "$1" ]]; then
      cwd=${cwd#/proc/}
      kill -s KILL "${cwd%/cwd}" 2>/dev/null || true
    fi
  done
  rm -f "$1/postmaster.pid"
}

postgres_spawn() {
  local as
  read -ra as < <(postgres_as) || true
  process_spawn "$1" "$2" "$(postgres_data)" \
    "${as[@]}" "$(postgres_bin)/postgres" -D "$(postgres_data)" -p "$2"
}

# postgres_answers PORT: a query of the user that env names is answered.
postgres_answers() {
  [[ $(PGPASSWORD=floodgate PGCONNECT_TIMEOUT=2 timeout 2 psql -h 127.0.0.1 -p "$1" \
    -U floodgate -d floodgate -XAtc 'SELECT 1' 2>/dev/null) == 1 ]]
}
