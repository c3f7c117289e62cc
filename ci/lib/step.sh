# shellcheck shell=bash
# The steps of the set-up, as a person sees them.
#
# In:         step NAME COMMAND...: COMMAND is a function of these files or a program; say_part adds to its line.
# Constraint: a reader of a CI log wants one line a step, and the whole story only of the step that failed;
#             stdout belongs to the command that the set-up is for.
# Choice:     all on stderr; COMMAND's own output goes to a log, whose tail is shown on failure. COMMAND runs in a
#             subshell, so it hands results over by files and not by variables. It says why it failed with `because`.

STEP_TAIL=25

# The time in tenths of a second, where bash has no EPOCHREALTIME in whole seconds.
tenths() {
  local now=${EPOCHREALTIME:-$SECONDS.0}
  now=${now/,/.}
  local part=${now#*.}
  echo $((${now%.*} * 10 + ${part:0:1}))
}

say() { printf 'setup: %s\n' "$*" >&2; }

# Inside a step only: what it does at the moment, on the step's own line.
say_part() { printf '%s ... ' "$*" >&3; }

# Inside a step only: keeps the reason of its failure, and ends it.
because() {
  printf '%s\n' "$*" >"$STEP_DIR/reason"
  exit 1
}

step_begin() {
  STEP_DIR=$(mktemp -d "${TMPDIR:-/tmp}/criu-remote-setup.$$.XXXXXX")
  printf 'setup: %s ... ' "$1" >&2
}

# Leaves the reason in STEP_REASON.
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
  # In the background and waited for: a trap of this shell then runs at once, not when the step is over.
  # `set -e` inside, and not in a condition, so that it holds there.
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
