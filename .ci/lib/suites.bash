# shellcheck shell=bash
# The sections that run the code. -vet=off: the vet section has said it.

# All tests on the parts in the process; with the race detector, which costs
# about three times the processor time, where there is the C compiler it needs.
section_embedded() {
  local race=()
  if command -v gcc >/dev/null; then race=(-race); else echo "no gcc: without the race detector"; fi
  without_servers go test -vet=off "${race[@]}" -shuffle=on -timeout=10m work
}

# Every fuzz target for some seconds: enough to notice a decoder that breaks on
# what is near its seeds, not to search.
section_fuzz() {
  local package target
  while read -r package target; do
    without_servers go test -vet=off -run='^$' -fuzz="^$target\$" -fuzztime=5s "$package"
  done < <(fuzz_targets)
}

# The same suites against Apache Kafka, Redis and PostgreSQL, one package after
# another: there is one Redis, and some tests empty it.
section_real() {
  local packages
  mapfile -t packages < <(server_packages)
  ((${#packages[@]})) || { echo "no package tests against servers"; return 1; }
  deploy/real/run with go test -vet=off -count=1 -p=1 -timeout=10m "${packages[@]}"
}

# The benchmarks in little, that they run and reconcile and not how fast, on
# servers started anew. On the embedded parts a test of their own does it.
section_figures() { deploy/real/run with go run ./tests/bench -smoke -empty; }

without_servers() { env -u FLOODGATE_KAFKA_BROKERS -u FLOODGATE_REDIS_ADDRS -u FLOODGATE_DATABASE_URL "$@"; }

fuzz_targets() {
  go list -f '{{.Dir}} {{.ImportPath}}' work | while read -r dir package; do
    { grep -hoE '^func Fuzz\w+' "$dir"/*_test.go 2>/dev/null || true; } | sed "s|^func|$package|"
  done
}

# server_packages lists the packages whose tests read one of the variables, by
# themselves or through a package that supports tests (sqldbtest, storetest);
# that of the benchmarks unsets them, and has a section of its own.
server_packages() {
  local dir package imports
  go list -f '{{.Dir}} {{.ImportPath}} {{join .TestImports ","}},{{join .XTestImports ","}},' work |
    while read -r dir package imports; do
      [[ $package != */tests/bench ]] || continue
      if [[ $imports =~ floodgate\.internal/[^,]*test, ]] || grep -qsE "$server_variables" "$dir"/*_test.go; then
        echo "$package"
      fi
    done
}
readonly server_variables='FLOODGATE_(KAFKA_BROKERS|REDIS_ADDRS|DATABASE_URL)'
