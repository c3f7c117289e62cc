#!/usr/bin/env bash
# Ends the processes that a killed run leaves. It outlives the run by a moment.
#
# In:         $1 the run's process id, $2 its tag (the value of CRIU_REMOTE_RUN), $3 the users'
#             lock, or nothing. SIGUSR1: the run ended by itself. SIGTERM: the run was killed (the
#             kernel sends it, see run.sh) or interrupted.
# Constraint: SIGKILL cannot be trapped, and the processes of a run (npm, debootstrap, a test) do
#             not end with it.
# Choice:     every process of a run has the run's tag in its environment, and the guard ends all
#             processes with the tag. Only the guard holds the lock, so a child that is left over
#             does not keep the engine running.
set -u

# Prints the processes with the run's tag, or with the tag of a run inside it.
tagged() {
  local file pid
  for file in /proc/[0-9]*/environ; do
    pid=${file#/proc/}
    pid=${pid%/environ}
    [ "$pid" != "$1" ] || continue
    tr '\0' '\n' <"$file" 2>/dev/null | grep -qE "^CRIU_REMOTE_RUN=$2(/|\$)" && echo "$pid"
  done 2>/dev/null
}

end_tagged() {
  local signal pids tries
  for signal in TERM KILL; do
    for tries in 1 2 3 4 5 6 7 8 9 10; do
      pids=$(tagged "$@")
      [ -n "$pids" ] || return 0
      # shellcheck disable=SC2086 # each word is a process
      [ "$tries" != 1 ] || kill -s "$signal" $pids
      sleep 0.2
    done
  done 2>/dev/null
}

end_run() {
  end_tagged "$run" "$tag"
  rm -rf "${TMPDIR:-/tmp}/criu-remote-setup.$run".*
}

run=$1 tag=$2
[ -z "${3:-}" ] || { exec 7>"$3" && flock -s 7; }
nap=
trap 'kill "$nap"; exit 0' USR1
trap 'kill "$nap"; end_run; exit 0' TERM
trap '' INT HUP
echo ready
exec >/dev/null
# The run may have been killed before this process asked the kernel for a signal.
[ "$PPID" = "$run" ] || kill -TERM "$$"
while :; do
  sleep 3600 7>&- &
  nap=$!
  wait "$nap"
done
