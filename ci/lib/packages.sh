# shellcheck shell=bash
# Installs the npm packages, and with them the Node that runs the project.
#
# In:         package.json and package-lock.json in the current folder; node and npm in PATH.
# Constraint: the machine's own Node may be older than the project's. `npm ci` deletes node_modules
#             first, also a node_modules that a developer has just installed and uses.
# Choice:     `npm ci` runs only if npm's record of the installed packages, which npm writes last,
#             does not agree with package-lock.json. The package `node` downloads its binary in an
#             install script. If npm is configured not to run such scripts, that one script is run
#             by name.

# Succeeds if every package of the lock file is installed in its version. Optional packages may be
# absent.
packages_ready() {
  [ -x node_modules/.bin/node ] && [ -e node_modules/.package-lock.json ] && node -e '
    const packages = (file) => JSON.parse(require("fs").readFileSync(file, "utf8")).packages;
    const installed = packages("node_modules/.package-lock.json");
    const agrees = ([path, wanted]) => path === "" || (installed[path]
      ? installed[path].version === wanted.version && installed[path].integrity === wanted.integrity
      : wanted.optional || wanted.devOptional || wanted.peer);
    process.exit(Object.entries(packages("package-lock.json")).every(agrees) ? 0 : 1);'
}

node_works() { [ -x node_modules/.bin/node ] && node_modules/.bin/node -e 0; }

# Prints npm's first error lines, without its usage text.
npm_reason() { sed -n 's/^npm error \(..*\)/\1/p' "$STEP_DIR/log" | head -n 3 | tr '\n' ' '; }

packages_install() {
  ! packages_ready || return 0
  npm ci --no-audit --no-fund || because "npm ci failed: $(npm_reason)"
  node_works || npm rebuild --foreground-scripts node ||
    because "the install script of the package node failed"
  node_works || because "node_modules/.bin/node does not run on this machine"
}

# Installs the packages under a lock on package-lock.json, one process at a time.
packages() {
  command -v npm >/dev/null || because "npm is not installed (Node 20 or later brings it)"
  if command -v flock >/dev/null; then
    (flock 9 && packages_install) 9<package-lock.json
  else
    packages_install
  fi
}
