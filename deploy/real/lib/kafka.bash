# shellcheck shell=bash
# Apache Kafka from its jars, KRaft: one node (kafka), or three (kafka-1 …),
# each broker and controller at once.

# Serial collection, because parallel collector threads would take the cores
# from what is being tested.
KAFKA_JAVA=(
  java "-Xmx$FLOODGATE_REAL_KAFKA_HEAP" -XX:+UseSerialGC
  "-Dlog4j2.configurationFile=$REAL_HOME/kafka/log4j2.properties"
  -cp "$FLOODGATE_REAL_KAFKA_LIBS/*"
)

kafka_install() {
  install_packages java=default-jre-headless && install_kafka_jars
}

# kafka_tool CLASS ARGS…: a short-lived JVM, which the first compiler serves best.
kafka_tool() {
  "${KAFKA_JAVA[@]}" -XX:TieredStopAtLevel=1 "$@"
}

# kafka_voters NAME: the controllers' quorum as id@host:port. Static, so that
# a node needs nothing of the others to start.
kafka_voters() {
  local name voters=
  if [[ $1 == kafka ]]; then
    echo "1@127.0.0.1:$((FLOODGATE_REAL_KAFKA_PORT + 1))"
    return
  fi
  for name in "${CLUSTER_NAMES[@]}"; do
    voters+=",${name#kafka-}@127.0.0.1:$(($(configured_port "$name") + 1))"
  done
  echo "${voters#,}"
}

# kafka_properties NAME: its whole server.properties. The shared files come
# first: where a key stands twice, Java takes the last.
kafka_properties() {
  local name=$1 port advertised id=1
  port=$(configured_port "$name")
  advertised=$FLOODGATE_REAL_KAFKA_ADVERTISED
  cat "$REAL_HOME/kafka/common.properties"
  if [[ $name != kafka ]]; then
    advertised=127.0.0.1:$port
    id=${name#kafka-}
    cat "$REAL_HOME/kafka/cluster.properties"
  fi
  cat <<TEXT
node.id=$id
listeners=CLIENT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$((port + 1))
advertised.listeners=CLIENT://$advertised
controller.quorum.voters=$(kafka_voters "$name")
log.dirs=$(server_data "$name")/log
TEXT
}

# kafka_cluster_id NAME: equal for the nodes of one cluster, different for any
# two clusters, or clients would mix up what they know of them. Kafka wants 16
# bytes in base64; the leading f keeps the id from looking like an option.
kafka_cluster_id() {
  local quorum=single digest
  [[ $1 == kafka ]] || quorum=cluster
  digest=$(md5sum <<<"$FLOODGATE_REAL_DIR $quorum")
  printf 'f%s' "${digest:0:15}" | basenc --base64url | tr -d =
}

# Formatting costs a JVM and is needed once: the node writes meta.properties
# last, so its presence means that it was done.
kafka_prepare() {
  local name=$1 data
  data=$(server_data "$name")
  mkdir -p "$data"
  kafka_properties "$name" >"$data/server.properties"
  [[ ! -f $data/log/meta.properties ]] || return 0
  kafka_tool kafka.tools.StorageTool format -t "$(kafka_cluster_id "$name")" \
    -c "$data/server.properties" >>"$(log_of "$name")" 2>&1
}

kafka_spawn() {
  # Two files per written partition and a socket per client: the usual soft
  # limit of 1,024 is soon reached.
  ulimit -n "$(ulimit -Hn)" 2>/dev/null || true
  process_spawn "$1" "$2" "$(server_data "$1")" \
    "${KAFKA_JAVA[@]}" kafka.Kafka "$(server_data "$1")/server.properties"
}

# kafka_brokers PORT: how many brokers a metadata request (version 1, no
# topics) is answered with, that is, brokers that joined and are not fenced.
# Spoken by hand: a client in Java would cost a second at each look.
kafka_brokers() {
  local limit=(timeout 2) reply
  command -v timeout >/dev/null || limit=(env) # macOS has none; containers there do not hang
  # shellcheck disable=SC2016
  reply=$("${limit[@]}" bash -c '
    exec 3<>"/dev/tcp/127.0.0.1/$1" || exit 1
    printf "\0\0\0\016\0\003\0\001\0\0\0\007\377\377\0\0\0\0" >&3
    head -c 12 <&3 | od -An -v -tu1' kafka_brokers "$1" 2>/dev/null) || return 1
  # Bytes: length (4), correlation id (4), number of brokers (4).
  read -ra reply <<<"$reply"
  [[ ${#reply[@]} -eq 12 ]] && echo "${reply[11]}"
}

kafka_answers() { [[ $(kafka_brokers "$1") -gt 0 ]]; }

# kafka_await_cluster FLAVOUR SECONDS: until every node knows all three. One
# that answers may be alone yet, and refuse a topic of three replicas.
kafka_await_cluster() {
  local name end=$((SECONDS + $2))
  for name in "${CLUSTER_NAMES[@]}"; do
    until [[ $(kafka_brokers "$("$1_port" "$name")") -eq 3 ]]; do
      ((SECONDS < end)) || { say "$name does not see three brokers"; return 1; }
      sleep 0.1
    done
  done
}
