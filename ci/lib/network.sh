# shellcheck shell=bash
# What our own engine changes in the machine's network, and how that is undone.
#
# In:         BRIDGE, BRIDGE_ADDRESS, NETWORK; ip and iptables in PATH.
# Constraint: an engine makes chains and rules, turns forwarding on, sets the policy of FORWARD to DROP, and leaves
#             all that when it stops; another engine on the machine uses chains of the same names.
# Choice:     a bridge and addresses of our own, never docker0's. What was there before the first engine of ours is
#             written down; the last one to stop puts it back, unless another engine still runs.

FIREWALLS="iptables ip6tables"
BEFORE=/run/criu-remote-before

network_up() {
  local tool
  if mkdir "$BEFORE" 2>/dev/null; then
    for tool in $FIREWALLS; do "$tool-save" >"$BEFORE/$tool" 2>/dev/null || true; done
    cat /proc/sys/net/ipv4/ip_forward >"$BEFORE/ip_forward"
  fi
  ip link add name "$BRIDGE" type bridge && ip address add "$BRIDGE_ADDRESS" dev "$BRIDGE" && ip link set "$BRIDGE" up
}

# One whose network is this one; ours has stopped when this is asked.
other_engine() {
  local process
  for process in /proc/[0-9]*; do
    if [ "$(cat "$process/comm" 2>/dev/null)" = dockerd ] && [ "$process/ns/net" -ef /proc/self/ns/net ]; then
      return 0
    fi
  done
  return 1
}

rules_down() {
  local tool=$1 table=$2 pattern=$3 rule
  "$tool" -t "$table" -S | grep -E -- "^-A .*($pattern)" | while read -r rule; do
    # shellcheck disable=SC2086 # one word of the rule a word
    "$tool" -t "$table" -D ${rule#-A }
  done
}

chains_down() {
  local tool=$1 table=$2 chain
  rules_down "$tool" "$table" DOCKER
  for chain in $("$tool" -t "$table" -S | sed -n 's/^-N \(DOCKER.*\)/\1/p'); do
    "$tool" -t "$table" -F "$chain" && "$tool" -t "$table" -X "$chain"
  done
}

firewall_back() {
  local tool=$1 table
  for table in filter nat raw; do chains_down "$tool" "$table"; done
  grep -q '^:FORWARD DROP' "$BEFORE/$tool" || "$tool" -P FORWARD ACCEPT
}

machine_back() {
  local tool
  [ -d "$BEFORE" ] && ! other_engine || return 0
  for tool in $FIREWALLS; do firewall_back "$tool"; done
  cat "$BEFORE/ip_forward" >/proc/sys/net/ipv4/ip_forward
  rm -rf "$BEFORE"
}

# The bridge, and those of the engine's own networks, where the engine was killed.
bridges_down() {
  local name tool table
  for name in $(ip -o -4 address show | sed -n "s/^[0-9]*: \(br-[0-9a-f]*\) *inet $NETWORK\..*/\1/p") "$BRIDGE"; do
    for tool in $FIREWALLS; do
      for table in filter nat raw; do rules_down "$tool" "$table" "$name"; done
    done
    ip link del "$name"
  done
}

network_down() {
  bridges_down 2>/dev/null
  machine_back 2>/dev/null
}
