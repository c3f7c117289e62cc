# shellcheck shell=bash
# Runs the steps of the set-up and reports them to a person.
#
# In:         step NAME COMMAND...: COMMAND is a function of these files or a program; say_part adds
#             to the step's line.
# Constraint: a reader of a CI log wants one line for each step, and details only of a step that
#             failed. stdout belongs to the command that runs after the set-up.
# Choice:     all reports go to stderr. COMMAND's output goes to a log, and the log's tail is shown
#             after a failure. COMMAND runs in a subshell, so it returns results in files and not in
#             variables. It gives the reason of a failure with `because`.

STEP_TAIL=25

# Prints the time in tenths of a second; in whole seconds if bash has no EPOCHREALTIME.
tenths() {
  local now=${EPOCHREALTIME:-$SECONDS.0}
  now=${now/,/.}
  local part=${now#*.}
  echo $((${now%.*} * 10 + ${part:0:1}))
}

say() { printf 'setup: %s\n' "$*" >&2; }

# Inside a step only: adds the step's present work to its line.
say_part() { printf '%s ... ' "$*" >&3; }

# Inside a step only: ends the step with the reason of its failure.
because() {
  printf '%s\n' "$*" >"$STEP_DIR/reason"
  exit 1
}

step_begin() {
  STEP_DIR=$(mktemp -d "${TMPDIR:-/tmp}/criu-remote-setup.$$.XXXXXX")
  printf 'setup: %s ... ' "$1" >&2
}

# Reports the failure, and leaves its reason in STEP_REASON.
step_failed() {
  STEP_REASON="$1 failed"
  [ ! -s "$STEP_DIR/reason" ] || STEP_REASON="$1: $(head -n 1 "$STEP_DIR/reason")"
  printf 'failed\n' >&2
  tail -n "$STEP_TAIL" "$STEP_DIR/log" | sed 's/^/    | /' >&2
  say "$STEP_REASON"
}

step() {
  local name=$1 began status=0 took
  shift
  began=$(tenths)
  step_begin "$name"
  # The step runs in the background, so a trap of this shell runs at once and not after the step.
  # `set -e` works only inside the subshell, since bash ignores it in a condition.
  (set -e && "$@") 3>&2 >"$STEP_DIR/log" 2>&1 </dev/null &
  wait "$!" || status=$?
  took=$(($(tenths) - began))
  if [ "$status" = 0 ]; then
    printf '%d.%d s\n' $((took / 10)) $((took % 10)) >&2
  else
    step_failed "$name"
  fi
  rm -rf "$STEP_DIR"
  return "$status"
}
