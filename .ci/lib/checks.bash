# shellcheck shell=bash
# The sections that read the tree without running it.

section_machine() {
  go version
  go env GOOS GOARCH GOFLAGS CGO_ENABLED | paste -sd' '
  echo "$(nproc) processors, $(free -m 2>/dev/null | awk '/^Mem/{print $2}') MiB, commit $(git rev-parse --short HEAD)"
}

section_format() {
  local wrong
  wrong=$(git ls-files -z -- '*.go' | xargs -0 gofmt -l)
  [[ -z $wrong ]] || { printf 'gofmt would change:\n%s\n' "$wrong"; return 1; }
}

section_vet() { go vet work; }

# First and by itself, because its sentences explain what breaks later.
section_architecture() { go test -vet=off -count=1 ./tests/architecture; }

# Without the workspace each module stands on its own go.mod and go.sum, as it
# will in the hands of somebody who requires it; vet compiles its tests too.
section_alone() {
  local dir
  while read -r dir; do
    echo "${dir#"$PWD"/}"
    tidy "$dir"
    GOWORK=off go -C "$dir" build -o /dev/null ./...
    GOWORK=off go -C "$dir" vet ./...
  done < <(modules)
}

# tidy prints what `go mod tidy` would change and fails if that is anything. -e:
# the tests of dependencies' dependencies may need what no registry has.
tidy() {
  local difference
  difference=$(GOWORK=off go -C "$1" mod tidy -e -diff 2>/dev/null || true)
  [[ -z $difference ]] || { printf '%s\nrun make tidy\n' "$difference"; return 1; }
}

section_generated() {
  tools/generate --check
  tools/generate lint
  tools/generate breaking
}

section_lint() { tools/lint/run; }

# What CI itself wrote (sums, generated files, inputs that fuzzing found) is
# missing from the commit.
section_untouched() {
  local after
  after=$(git status --porcelain)
  [[ $after == "$1" ]] || { printf 'the run changed the tree:\n%s\n' "$after"; git diff --stat; return 1; }
}
