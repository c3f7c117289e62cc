#!/usr/bin/env bash
# Runs our own Docker engine while any run uses it, then removes every trace of it.
#
# In:         CRIU_REMOTE_CACHE; PATH with the engine's programs. engine.sh starts it, in a session
#             of its own.
# Constraint: a run can end by SIGKILL, so its traps may not run. Two runs may share the engine, and
#             the end of the first must not stop it. An engine leaves mounts, shims, a bridge and
#             firewall rules.
# Choice:     each run's guard holds a shared lock, which the kernel releases at the guard's end.
#             This process waits for the exclusive lock, then stops the engine. The engine runs in
#             mount and PID namespaces of its own, so its processes and mounts end with the
#             namespaces, also if this process is killed.
set -u
ROOT=$(cd "$(dirname "$0")/../.." && pwd)
for part in paths debian engine network; do
  # shellcheck source=/dev/null
  . "$ROOT/ci/lib/$part.sh"
done

STOP_DEADLINE=20
SHARED_FOLDERS="/run/containerd /run/docker"

# Prints overlay2 if a test mount works, else vfs. overlay2 does not work on top of an overlay.
storage_driver() {
  local at=$CACHE/overlay-test
  mkdir -p "$at/lower" "$at/upper" "$at/work" "$at/merged"
  if unshare --mount mount -t overlay overlay \
    -o "lowerdir=$at/lower,upperdir=$at/upper,workdir=$at/work" "$at/merged"; then
    echo overlay2
  else
    echo vfs
  fi
  rm -rf "$at"
}

cgroups_down() {
  find /sys/fs/cgroup -depth -type d -path "*/$CGROUP*" -exec rmdir {} + 2>/dev/null
}

# Runs the engine in its own namespaces, until a line arrives on the pipe.
engine_process() {
  local folder
  # Engines and shims put sockets into these folders, which no option changes.
  for folder in $SHARED_FOLDERS; do mkdir -p "$folder" && mount -t tmpfs tmpfs "$folder"; done
  grep -q ' /sys/fs/cgroup' /proc/self/mounts || mount -t cgroup2 cgroup2 /sys/fs/cgroup
  (
    dockerd --config-file "$RUN/daemon.json" --host "$ENGINE_SOCKET" --data-root "$CACHE/docker" \
      --exec-root "$RUN/exec" --pidfile "$RUN/docker.pid" --bridge "$BRIDGE" \
      --default-address-pool "$ADDRESS_POOL" --exec-opt native.cgroupdriver=cgroupfs \
      --cgroup-parent "/$CGROUP" --storage-driver "$1" --shutdown-timeout 3 \
      >"$RUN/engine.log" 2>&1 </dev/null &
    echo "$!" >"$RUN/dockerd.pid"
    wait
    touch "$RUN/ended"
  ) &
  read -r _
  kill -TERM "$(cat "$RUN/dockerd.pid")"
  wait
}

engine_stop() {
  DOCKER_HOST=$ENGINE_SOCKET timeout "$STOP_DEADLINE" \
    bash -c "$(declare -f engine_empty); engine_empty"
  echo stop >&8
  timeout "$STOP_DEADLINE" tail -s 0.1 --pid="$1" -f /dev/null || kill -KILL "$1"
}

keep() {
  local namespace
  network_down # A killed keeper may have left a network.
  # Otherwise the engine would give the networks of an earlier run their old addresses.
  rm -rf "$RUN" "$CACHE/docker/network"
  mkdir -p "$RUN" "$CACHE/docker"
  echo '{}' >"$RUN/daemon.json"
  mkfifo "$RUN/stop"
  exec 8<>"$RUN/stop"
  network_up || { touch "$RUN/ended"; return; }
  setpriv --pdeathsig KILL \
    unshare --mount --propagation slave --pid --fork --kill-child --mount-proc \
    bash "$0" engine_process "$(storage_driver)" <"$RUN/stop" 8>&- &
  namespace=$!
  echo "$$" >"$RUN/keeper.pid"
  flock 7
  engine_stop "$namespace"
  wait
  network_down
  cgroups_down
  # shellcheck disable=SC2086 # each word is a folder
  rmdir $SHARED_FOLDERS 2>/dev/null
  rm -rf "$RUN"
}

main() {
  if [ "${1:-}" = engine_process ]; then
    engine_process "$2"
  else
    trap '' INT HUP
    exec 7>"$LOCKS/users"
    keep
  fi
}

# On one line, because bash would read the next line from a file that may have changed since.
main "$@"; exit
