# shellcheck shell=bash
# Builds the host image: the system in which CRIU and the target processes run.
#
# In:         fixtures/host-image; an engine that answers. Out: an image named by image_tag.
# Constraint: the image must have the same content with and without an image registry. A machine
#             without a registry must find out soon.
# Choice:     one Dockerfile with a variable base: debian:trixie-slim from the registry, else a
#             system that debootstrap makes from the machine's Debian mirror. The tag is a hash of
#             all inputs of the image.

IMAGE_RECIPE=1
IMAGE_BASE=debian:trixie-slim
IMAGE_OWN_BASE=criu-remote-base:trixie
IMAGE_PULL_SECONDS=30
IMAGE_FOLDER=$ROOT/fixtures/host-image

image_tag() {
  local hash
  hash=$(cat "$IMAGE_FOLDER"/{packages,Dockerfile} <(echo "recipe $IMAGE_RECIPE") | sha256)
  echo "criu-remote-host:${hash:0:12}"
}

image_exists() { docker image inspect "$1" >/dev/null 2>&1; }

debootstrap_ready() {
  local packages=()
  command -v debootstrap >/dev/null || packages+=(debootstrap)
  [ -e "$DEBIAN_KEYRING" ] || packages+=(debian-archive-keyring)
  [ "${#packages[@]}" != 0 ] || return 0
  apt_install "${packages[@]}"
}

# Runs debootstrap. It reads the proxy only from the environment; apt reads its settings as well.
debootstrap_run() {
  local folder=$1 script=/usr/share/debootstrap/scripts/trixie proxy=
  [ -e "$script" ] || script=/usr/share/debootstrap/scripts/sid
  eval "$(apt-config shell proxy Acquire::http::Proxy)"
  [ -z "$proxy" ] || export http_proxy=${http_proxy:-$proxy}
  debootstrap --variant=minbase --keyring="$DEBIAN_KEYRING" trixie "$folder" \
    "$(debian_mirror)" "$script"
}

base_made_here() {
  local folder=$CACHE/base
  ! image_exists "$IMAGE_OWN_BASE" || return 0
  is_root || because "$IMAGE_BASE cannot be pulled, and making a base system needs root"
  say_part "base system"
  debootstrap_ready || because "$IMAGE_BASE cannot be pulled, and debootstrap cannot be installed"
  rm -rf "$folder"
  mkdir -p "$folder"
  debootstrap_run "$folder" || because "$IMAGE_BASE cannot be pulled, and debootstrap failed"
  rm -rf "$folder"/var/cache/apt/archives/*.deb "$folder"/var/lib/apt/lists/*
  tar -C "$folder" -c . | docker import - "$IMAGE_OWN_BASE"
  rm -rf "$folder"
}

# Prints the name of the base image.
image_base() {
  if image_exists "$IMAGE_BASE" ||
    timeout "$IMAGE_PULL_SECONDS" docker pull -q "$IMAGE_BASE" >&2; then
    echo "$IMAGE_BASE"
  else
    base_made_here >&2 && echo "$IMAGE_OWN_BASE"
  fi
}

image_build() {
  local tag=$1 base
  ! image_exists "$tag" || return 0
  say_part "base"
  base=$(image_base)
  docker run --rm --privileged "$base" true ||
    because "the Docker engine cannot start a privileged container"
  say_part "packages"
  # The classic builder needs no plug-in. The machine's own network is known to reach the mirror.
  DOCKER_BUILDKIT=0 docker build --network host --build-arg "BASE=$base" --build-arg http_proxy \
    --build-arg https_proxy -t "$tag" "$IMAGE_FOLDER" || because "docker build failed"
}

image() {
  with_lock image image_build "$(image_tag)"
}
