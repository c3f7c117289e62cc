# shellcheck shell=bash Downloads and unpacks Debian packages with apt and a state folder of our
# own. Most are not installed.
#
# In:         a state's name: `system` (the machine's own sources) or `trixie` (Debian 13).
# Constraint: the machine's packages, package lists and dpkg lock belong to the machine's other
#             users. Signatures must be checked. The machine's mirror, proxy and other apt settings
#             apply to us as well.
# Choice:     APT_CONFIG names a file that moves apt's state under the cache. apt still reads
#             /etc/apt/apt.conf.d.

DEBIAN_KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
DEBIAN_MIRROR=http://deb.debian.org/debian

os_release() { (. /etc/os-release && eval "echo \"\${$1:-}\""); }

is_debian_like() {
  command -v apt-get >/dev/null && case " $(os_release ID) $(os_release ID_LIKE) " in
    *" debian "* | *" ubuntu "*) true ;;
    *) false ;;
  esac
}

# Prints the Debian mirror of this machine; on another system, Debian's default mirror.
debian_mirror() {
  local mirror=
  if [ "$(os_release ID)" = debian ]; then
    # shellcheck disable=SC2016 # the variables are apt's
    mirror=$(apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' \
      'Created-By: Packages' |
      sed -n "s/^$(os_release VERSION_CODENAME) main \(https\{0,1\}:.*\)/\1/p" | head -n 1)
  fi
  echo "${CRIU_REMOTE_DEBIAN_MIRROR:-${mirror:-$DEBIAN_MIRROR}}"
}

apt_settings() {
  local state=$1
  echo "Dir::State \"$state\"; Dir::State::lists \"$state/lists\";"
  echo "Dir::State::status \"/var/lib/dpkg/status\";"
  echo "Dir::Cache \"$state\"; Dir::Cache::archives \"$state/archives\";"
  echo "Acquire::http::Timeout \"20\"; Acquire::https::Timeout \"20\"; Acquire::Retries \"2\";"
  # apt's own user for downloads cannot write into root's folder, and apt would warn each time.
  echo "APT::Sandbox::User \"root\";"
  [ "$(basename "$state")" = system ] ||
    echo "Dir::Etc::sourcelist \"$state/sources.list\"; Dir::Etc::sourceparts \"-\";"
}

# apt_state NAME: makes the state if it does not exist, and refreshes its package lists.
apt_state() {
  local state=$CACHE/apt/$1
  mkdir -p "$state/lists/partial" "$state/archives/partial"
  echo "deb [signed-by=$DEBIAN_KEYRING] $(debian_mirror) trixie main" >"$state/sources.list"
  apt_settings "$state" >"$state/apt.conf"
  # A source that does not answer is no failure yet: a missing package fails at its download.
  in_apt "$1" apt-get update -y -q || true
}

in_apt() {
  local state=$CACHE/apt/$1
  shift
  APT_CONFIG=$state/apt.conf DEBIAN_FRONTEND=noninteractive "$@"
}

apt_candidate() {
  in_apt "$1" apt-cache policy "$2" | sed -n 's/^ *Candidate: //p' | grep -v '(none)'
}

# apt_missing_libraries STATE PACKAGES: prints the libraries that an installation of PACKAGES would
# add.
apt_missing_libraries() {
  local state=$1
  shift
  in_apt "$state" apt-get install --simulate --no-install-recommends "$@" |
    sed -n 's/^Inst \(lib[^ ]*\) (.*/\1/p'
}

# apt_install PACKAGES: installs packages that cannot run from a folder into the machine itself.
apt_install() {
  is_root && is_debian_like || return 1
  apt-get update -y -q || true
  DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
    -o DPkg::Lock::Timeout=300 "$@"
}

# apt_unpack STATE FOLDER PACKAGES: downloads and unpacks packages without running their scripts.
apt_unpack() {
  local state=$1 folder=$2 archive
  shift 2
  rm -rf "$folder.debs"
  mkdir -p "$folder.debs" "$folder"
  (cd "$folder.debs" && in_apt "$state" apt-get download -y -q "$@") || return 1
  for archive in "$folder.debs"/*.deb; do dpkg -x "$archive" "$folder" || return 1; done
  rm -rf "$folder.debs"
}
