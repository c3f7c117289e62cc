# shellcheck shell=bash
# A browser, in which the tests look at the reports.
#
# In:         nothing. Out: one of the programs that the tests look for, in /usr/bin.
# Constraint: a browser has a hundred packages, and does not run from a folder; a user's machine is not to be changed for
#             less than its tests.
# Choice:     only ci/test asks for it; Debian's chromium is installed where there is none.

BROWSERS="chromium chromium-browser google-chrome"

browser() {
  local name
  for name in $BROWSERS; do [ ! -x "/usr/bin/$name" ] || return 0; done
  [ "$(os_release ID)" = debian ] || because "there is no Chromium, and only Debian has one as a plain package"
  with_lock browser apt_install chromium || because "Chromium can't be installed"
}
