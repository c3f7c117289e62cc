# shellcheck shell=bash disable=SC2034 # the files that source this one use its variables
# Paths and names of the set-up, and small functions that all its files use.
#
# In:         CRIU_REMOTE_CACHE (optional): the folder of files that are kept from run to run.
# Constraint: two caches on one machine must not share a socket, a bridge or an address range. The
#             path of a UNIX socket has at most 107 bytes.
# Choice:     files that live only as long as the engine are in one folder under /run with a short
#             path. The folder, the cgroup, the bridge and its addresses are named by a hash of the
#             cache's path.

is_linux() { [ "$(uname -s)" = Linux ]; }
is_root() { [ "$(id -u)" = 0 ]; }

default_cache() {
  if is_root; then
    echo /var/cache/criu-remote
  else
    echo "${XDG_CACHE_HOME:-$HOME/.cache}/criu-remote"
  fi
}

# Prints the sha256 of standard input, in hex.
sha256() {
  if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi | cut -d ' ' -f 1
}

CACHE=${CRIU_REMOTE_CACHE:-$(default_cache)}
CACHE_HASH=$(printf %s "$CACHE" | sha256)
RUN=/run/criu-remote-${CACHE_HASH:0:8}
LOCKS=$CACHE/locks
CGROUP=criu-remote-${CACHE_HASH:0:8}
BRIDGE=crb-${CACHE_HASH:0:8}
NETWORK=10.$((200 + 16#${CACHE_HASH:0:4} % 50))
BRIDGE_ADDRESS=$NETWORK.255.1/24
ADDRESS_POOL=base=$NETWORK.0.0/17,size=24
ENGINE_SOCKET=unix://$RUN/docker.sock

# with_lock NAME COMMAND...: runs COMMAND under a lock of this machine, if it has flock.
with_lock() {
  local name=$1
  shift
  mkdir -p "$LOCKS"
  if command -v flock >/dev/null; then
    (flock 9 && "$@") 9>"$LOCKS/$name"
  else
    "$@"
  fi
}
