# shellcheck shell=bash
# Provides a Docker engine: an engine that already answers, or a private engine of our own.
#
# In:         DOCKER_HOST (optional); else /var/run/docker.sock. Out: DOCKER_HOST and the docker
#             command in PATH.
# Constraint: the set-up must not install, upgrade or restart the machine's own engine. For
#             --privileged, an engine before 24 asks for all existing capabilities, so it fails if
#             the capability set is reduced. Debian 12 has 20.10, and its libc is too old for Debian
#             13's runc.
# Choice:     the packages are unpacked under the cache and not installed. Engine, containerd and
#             client come from the machine's distribution, or from Debian 13 if the distribution's
#             engine is older than 24. runc, iptables, ip and the libraries always come from the
#             machine's distribution. keeper.sh starts and stops the engine.

ENGINE_OLDEST=24
ENGINE_DEADLINE=60
ENGINE_RECIPE=1
ENGINE=$CACHE/engine

ping_socket() {
  node -e 'require("http").get({socketPath: process.argv[1], path: "/_ping", timeout: 5000},
    (r) => process.exit(r.statusCode === 200 ? 0 : 1)).on("error", () => process.exit(1))' "$1"
}

has_client() { command -v docker >/dev/null; }

engine_answers() {
  local socket=${DOCKER_HOST:-unix:///var/run/docker.sock}
  if has_client; then
    timeout 15 docker version --format '{{.Server.Version}}' >/dev/null 2>&1
  else
    [ -S "${socket#unix://}" ] && ping_socket "${socket#unix://}"
  fi
}

engine_key() {
  echo "$ENGINE_RECIPE $(os_release ID) $(os_release VERSION_ID) $(dpkg --print-architecture)"
}

engine_unpacked() { [ "$(cat "$ENGINE/key" 2>/dev/null)" = "$(engine_key)" ]; }

# Prints the name of the apt state from which the engine comes.
engine_source() {
  local version
  version=$(apt_candidate system docker.io) || true
  version=${version#*:}
  if [ "${version%%.*}" -ge "$ENGINE_OLDEST" ] 2>/dev/null; then
    echo system
  else
    apt_state trixie >&2
    echo trixie
  fi
}

engine_links() {
  local root=$1 multi=xtables-nft-multi name
  mkdir -p "$root/bin" "$root/tools" "$root/client"
  for name in "$root"/usr/bin/* "$root"/usr/sbin/{docker*,runc} "$root"/usr/libexec/docker/*; do
    [ ! -x "$name" ] || ln -sf "../${name#"$root/"}" "$root/bin/"
  done
  [ -e "$root/bin/docker-init" ] || ln -sf tini "$root/bin/docker-init"
  ln -sf ../bin/docker "$root/client/docker"
  # A kernel without nf_tables needs the legacy iptables.
  "$root/usr/sbin/$multi" iptables -t nat -S >/dev/null 2>&1 || multi=xtables-legacy-multi
  for name in iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore; do
    ln -sf "../usr/sbin/$multi" "$root/tools/$name"
  done
  for name in "$root/bin/ip" "$root/sbin/ip"; do
    [ ! -x "$name" ] || ln -sf "../${name#"$root/"}" "$root/tools/ip"
  done
}

engine_unpack() {
  local new=$ENGINE.new source tools=(runc iptables iproute2) names=(docker.io containerd tini)
  ! engine_unpacked || return 0
  is_debian_like ||
    because "no Docker engine answers, and the set-up can unpack one only on Debian and Ubuntu"
  say_part download
  rm -rf "$new"
  apt_state system
  source=$(engine_source)
  [ -z "$(apt_candidate "$source" docker-cli)" ] || names+=(docker-cli)
  apt_unpack "$source" "$new" "${names[@]}" ||
    because "the packages of the Docker engine cannot be downloaded"
  # shellcheck disable=SC2046 # each word is a name
  apt_unpack system "$new" "${tools[@]}" $(apt_missing_libraries system docker.io "${tools[@]}") ||
    because "the packages that the Docker engine needs cannot be downloaded"
  (engine_paths "$new" && engine_links "$new")
  engine_key >"$new/key"
  rm -rf "$ENGINE"
  mv "$new" "$ENGINE"
}

# Sets the paths: the unpacked engine comes before the machine's, the machine's iptables and ip come
# first.
engine_paths() {
  local root=$1 libraries=() folder
  for folder in "$root"/usr/lib/*-linux-gnu* "$root"/lib/*-linux-gnu*; do
    [ ! -d "$folder" ] || libraries+=("$folder")
  done
  export PATH=$root/bin:$PATH:/usr/sbin:/sbin:$root/tools
  LD_LIBRARY_PATH=$(IFS=: && echo "${libraries[*]}")
  export LD_LIBRARY_PATH
  [ -x /usr/sbin/iptables ] || export XTABLES_LIBDIR=${libraries[0]}/xtables
}

# Removes the containers and networks that a killed run left in the engine, but no images.
engine_empty() {
  local left
  left=$(docker ps -aq)
  # shellcheck disable=SC2086 # each word is a name
  [ -z "$left" ] || docker rm -f -v $left
  docker network prune -f
}

engine_log_reason() { grep -E 'level=(fatal|error)|failed|unable' "$RUN/engine.log" | tail -n 1; }

engine_wait() {
  local end=$((SECONDS + ENGINE_DEADLINE))
  until docker version >/dev/null 2>&1; do
    if [ -e "$RUN/ended" ] || [ "$SECONDS" -ge "$end" ]; then
      tail -n 20 "$RUN/engine.log"
      because "the Docker engine did not start: $(engine_log_reason)"
    fi
    sleep 0.1
  done
}

engine_start() {
  say_part start
  # The keeper does not belong to this run, since other runs may use the engine later. See
  # keeper.sh. shellcheck disable=SC2153 # ci/with-engine sets ROOT
  (engine_paths "$ENGINE" && exec env -u CRIU_REMOTE_RUN setsid bash "$ROOT/ci/lib/keeper.sh") \
    </dev/null >"$LOCKS/keeper.log" 2>&1 3>&- 9>&- &
  engine_wait
  engine_empty
}

own_engine() {
  export DOCKER_HOST=$ENGINE_SOCKET PATH=$ENGINE/client:$PATH
  if ! engine_answers; then
    engine_unpack
    engine_start
  fi
}

engine() {
  if ! engine_answers; then
    is_root || because "no Docker engine answers, and an engine of our own needs root"
    with_lock engine own_engine
  elif ! has_client; then
    is_root ||
      because "a Docker engine answers, but docker is missing, and its set-up needs root"
    with_lock engine engine_unpack
  fi
}

# Exports the engine's variables. The caller's own shell runs it after the step.
engine_export() {
  export TESTCONTAINERS_RYUK_DISABLED=true
  if ! engine_answers; then
    export DOCKER_HOST=$ENGINE_SOCKET PATH=$ENGINE/client:$PATH
  elif ! has_client; then
    export PATH=$ENGINE/client:$PATH
  fi
}
