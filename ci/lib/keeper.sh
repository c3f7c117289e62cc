#!/usr/bin/env bash
# Runs our own Docker engine for as long as any run uses it, and leaves nothing of it behind.
#
# In:         CRIU_REMOTE_CACHE; PATH with the engine's programs. Started by engine.sh, in a session of its own.
# Constraint: a run can end by SIGKILL, so no trap of its own can be relied on; two runs may share the engine, and
#             the first to end must not stop it; an engine leaves mounts, shims, a bridge and firewall rules.
# Choice:     each run's guard holds a shared lock that the kernel drops when it dies; this process waits for the
#             exclusive one, then stops the engine. The engine is in a mount and a PID namespace of its own: its
#             processes and mounts end with that, even if this process is killed as well.
set -u
ROOT=$(cd "$(dirname "$0")/../.." && pwd)
for part in paths debian engine network; do
  # shellcheck source=/dev/null
  . "$ROOT/ci/lib/$part.sh"
done

STOP_DEADLINE=20
SHARED_FOLDERS="/run/containerd /run/docker"

# overlay2 wherever a test mount works; it does not on top of an overlay.
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

cgroups_down() { find /sys/fs/cgroup -depth -type d -path "*/$CGROUP*" -exec rmdir {} + 2>/dev/null; }

# In its own namespaces; ends when a line comes on the pipe.
engine_process() {
  local folder
  # Where engines and shims put sockets whatever they are told.
  for folder in $SHARED_FOLDERS; do mkdir -p "$folder" && mount -t tmpfs tmpfs "$folder"; done
  grep -q ' /sys/fs/cgroup' /proc/self/mounts || mount -t cgroup2 cgroup2 /sys/fs/cgroup
  (
    dockerd --config-file "$RUN/daemon.json" --host "$ENGINE_SOCKET" --data-root "$CACHE/docker" \
      --exec-root "$RUN/exec" --pidfile "$RUN/docker.pid" --bridge "$BRIDGE" --default-address-pool "$ADDRESS_POOL" \
      --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent "/$CGROUP" --storage-driver "$1" --shutdown-timeout 3 >"$RUN/engine.log" 2>&1 </dev/null &
    echo "$!" >"$RUN/dockerd.pid"
    wait
    touch "$RUN/ended"
  ) &
  read -r _
  kill -TERM "$(cat "$RUN/dockerd.pid")"
  wait
}

engine_stop() {
  DOCKER_HOST=$ENGINE_SOCKET timeout "$STOP_DEADLINE" bash -c "$(declare -f engine_empty); engine_empty"
  echo stop >&8
  timeout "$STOP_DEADLINE" tail -s 0.1 --pid="$1" -f /dev/null || kill -KILL "$1"
}

keep() {
  local namespace
  network_down # of an engine whose keeper was killed
  rm -rf "$RUN" "$CACHE/docker/network" # the engine would give a network of then the addresses of then
  mkdir -p "$RUN" "$CACHE/docker"
  echo '{}' >"$RUN/daemon.json"
  mkfifo "$RUN/stop"
  exec 8<>"$RUN/stop"
  network_up || { touch "$RUN/ended"; return; }
  setpriv --pdeathsig KILL unshare --mount --propagation slave --pid --fork --kill-child --mount-proc \
    bash "$0" engine_process "$(storage_driver)" <"$RUN/stop" 8>&- &
  namespace=$!
  echo "$$" >"$RUN/keeper.pid"
  flock 7
  engine_stop "$namespace"
  wait
  network_down
  cgroups_down
  # shellcheck disable=SC2086 # one folder a word
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

# On one line: bash would read on in a file that may have been edited since.
main "$@"; exit
