# shellcheck shell=bash
# Brings what is missing: Debian packages through apt, Kafka's jars through
# Maven, each from wherever the machine's own configuration points.

# install_packages COMMAND=PACKAGE…: one apt run for all commands not found.
install_packages() {
  local pair missing=()
  for pair; do
    command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
  done
  [[ ${#missing[@]} -gt 0 ]] || return 0
  if [[ $(id -u) != 0 ]]; then
    say "missing packages: ${missing[*]}; install them, or run this once as root"
    return 1
  fi
  say "installing ${missing[*]}"
  without_services apt_install "${missing[@]}"
}

apt_install() {
  apt-get update -qq >>"$(log_of install)" 2>&1 &&
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" \
      >>"$(log_of install)" 2>&1 && return 0
  tail -n 20 "$(log_of install)" >&2
  return 1
}

# Runs a command while Debian's hook forbids packages to start their services:
# the package would else start a Redis and a PostgreSQL on the usual ports,
# which nobody asked for and stop would not know of.
without_services() {
  local hook=/usr/sbin/policy-rc.d status=0
  if [[ -e $hook ]]; then
    "$@"
    return
  fi
  printf '#!/bin/sh\nexit 101\n' >"$hook"
  chmod +x "$hook"
  "$@" || status=$?
  rm -f "$hook"
  return "$status"
}

# Copies the jars that pom.xml names. The stamp is the checksum of the pom:
# present and equal means complete and of this version, and nothing is asked.
install_kafka_jars() {
  local libs=$FLOODGATE_REAL_KAFKA_LIBS pom=$REAL_HOME/kafka/pom.xml stamp
  stamp=$(cksum <"$pom")
  [[ $(cat "$libs/stamp" 2>/dev/null) == "$stamp" ]] && return 0
  install_packages mvn=maven || return 1
  say "fetching the jars of Apache Kafka"
  rm -rf "$libs.new"
  mkdir -p "$libs.new"
  mvn -q -B -Dstyle.color=never -f "$pom" dependency:copy-dependencies -DoutputDirectory="$libs.new" >&2 || return 1
  echo "$stamp" >"$libs.new/stamp"
  rm -rf "$libs"
  mv "$libs.new" "$libs" # whole or not at all, whenever this is interrupted
}
