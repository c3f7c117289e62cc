# shellcheck shell=bash
# One run: the set-up, then the command. It leaves no process, file or engine.
#
# In:         ROOT; the command. Out: the command's exit status, and only the command's output on
#             stdout.
# Constraint: a run ends by itself, by a signal or by SIGKILL. The command needs its terminal, its
#             stdin and Ctrl-C. bash runs a trap only after the foreground command has ended, and
#             background commands ignore Ctrl-C.
# Choice:     the command runs in the background, with stdin and Ctrl-C restored. The kernel sends
#             it SIGTERM when this shell dies. guard.sh ends all other processes with this run's
#             tag.

GUARD=
GUARD_END=USR1
CHILD=

# Tags this process. The exec puts the tag into the initial environment, which guard.sh reads.
tag_self() {
  case ${CRIU_REMOTE_RUN:-} in
    "$$" | */"$$") ;;
    *) CRIU_REMOTE_RUN=${CRIU_REMOTE_RUN:+$CRIU_REMOTE_RUN/}$$ exec bash "$0" "$@" ;;
  esac
}

guard_start() {
  local lock="" line
  if is_root; then mkdir -p "$LOCKS" && lock=$LOCKS/users; fi
  exec 8< <(exec env -u CRIU_REMOTE_RUN setpriv --pdeathsig TERM \
    bash "$ROOT/ci/lib/guard.sh" "$$" "$CRIU_REMOTE_RUN" "$lock")
  GUARD=$!
  read -r line <&8 || { say "the guard did not start: $line"; exit 1; }
  exec 8<&-
}

# Succeeds if no other run uses the engine: the lock is free, or the keeper holds it exclusively.
last_user() { flock -n "$LOCKS/users" true || ! flock -n -s "$LOCKS/users" true; }

# Ends the guard. The last run of the machine waits until the engine has ended.
guard_end() {
  local keeper
  keeper=$(cat "$RUN/keeper.pid" 2>/dev/null) || true
  kill -s "$GUARD_END" "$GUARD" 2>/dev/null || true
  timeout 30 tail -s 0.1 --pid="$GUARD" -f /dev/null || true
  if [ -n "$keeper" ] && last_user; then
    timeout 60 tail -s 0.1 --pid="$keeper" -f /dev/null || true
  fi
}

on_signal() {
  GUARD_END=TERM
  [ -z "$CHILD" ] || kill -TERM "$CHILD" 2>/dev/null || true
  # During the set-up no command runs yet, so the run ends here.
  [ -n "$CHILD" ] || exit $((128 + $1))
}

# Ctrl-C during the set-up ends the run. Later the command handles Ctrl-C.
on_interrupt() { [ -n "$CHILD" ] || { GUARD_END=TERM && exit 130; }; }

watch_over() {
  is_linux || return 0
  guard_start
  trap guard_end EXIT
  trap 'on_signal 15' TERM
  trap 'on_signal 1' HUP
  trap on_interrupt INT
}

setup_containers() {
  if ! is_linux; then
    LEFT_OUT="containers need Linux"
  elif ! step "Docker engine" engine; then
    LEFT_OUT=$STEP_REASON
  else
    engine_export
    CRIU_REMOTE_IMAGE=$(image_tag)
    export CRIU_REMOTE_IMAGE
    step "host image" image || LEFT_OUT=$STEP_REASON
  fi
}

# Installs a browser for the tests of the reports. Without a browser these tests are skipped, with
# the reason.
setup_browser() {
  [ -z "${CRIU_REMOTE_WITH_BROWSER:-}" ] || step browser browser || true
}

setup() {
  LEFT_OUT=
  step "npm packages" packages || exit 1
  export PATH=$ROOT/node_modules/.bin:$PATH
  setup_containers
  setup_browser
  [ -n "$LEFT_OUT" ] || return 0
  unset CRIU_REMOTE_IMAGE
  export CRIU_REMOTE_NO_CONTAINERS=$LEFT_OUT
  say "no containers, so the tests that need them are skipped: $LEFT_OUT"
}

run_command() {
  local status=0
  if ! is_linux; then exec "$@"; fi
  env --default-signal=INT,QUIT setpriv --pdeathsig TERM "$@" <&0 &
  CHILD=$!
  while :; do
    status=0
    wait "$CHILD" || status=$?
    # If the command still runs, a trap has interrupted the wait.
    kill -0 "$CHILD" 2>/dev/null || break
  done
  return "$status"
}
