# shellcheck shell=bash
# Sections: a headline, what the function section_<name> prints, and its time.

timings=()

# section runs section_NAME with the further arguments; a failure ends the run.
section() {
  local name=$1 started=$SECONDS status=0
  shift
  printf '\n=== %s\n' "$name"
  # A subshell with its own -e: in the condition of an if or ||, bash ignores a
  # failure in the middle of a function.
  set +e
  (set -e; "section_$name" "$@")
  status=$?
  set -e
  timings+=("$(printf '%-14s %5d s' "$name" $((SECONDS - started)))")
  if ((status)); then
    printf '\nFAIL  section %s (exit code %d)\n' "$name" "$status"
    summary
    exit "$status"
  fi
  printf 'ok    section %s  %d s\n' "$name" $((SECONDS - started))
}

summary() {
  printf '\n=== times\n'
  printf '%s\n' "${timings[@]}"
  printf '%-14s %5d s\n' total "$SECONDS"
}

# modules lists the folders of the workspace's modules.
modules() { go list -m -f '{{.Dir}}'; }
