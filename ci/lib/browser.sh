# shellcheck shell=bash
# Installs the browser in which tests open the reports.
#
# In:         nothing. Out: one of the browsers that the tests know, in /usr/bin.
# Constraint: a browser has a hundred packages and does not run from a folder. Only the whole test
#             run justifies such a change of a user's machine.
# Choice:     only ci/test asks for it. If no browser exists, Debian's chromium is installed.

BROWSERS="chromium chromium-browser google-chrome"

browser() {
  local name
  for name in $BROWSERS; do [ ! -x "/usr/bin/$name" ] || return 0; done
  [ "$(os_release ID)" = debian ] ||
    because "Chromium is not installed, and only Debian has it as a plain package"
  with_lock browser apt_install chromium || because "Chromium cannot be installed"
}
