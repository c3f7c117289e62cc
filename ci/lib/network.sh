# shellcheck shell=bash
# Prepares the machine's network for our own engine, and restores it afterwards.
#
# In:         BRIDGE, BRIDGE_ADDRESS, NETWORK; ip and iptables in PATH.
# Constraint: an engine makes chains and rules, turns forwarding on, and sets the policy of FORWARD
#             to DROP. It does not undo these changes at its end. Another engine on the machine uses
#             chains with the same names.
# Choice:     a bridge and addresses of our own, never docker0's. The first engine of ours saves the
#             machine's settings. The last one restores them at its end, unless another engine still
#             runs.

FIREWALLS="iptables ip6tables"
BEFORE=/run/criu-remote-before

network_up() {
  local tool
  if mkdir "$BEFORE" 2>/dev/null; then
    for tool in $FIREWALLS; do "$tool-save" >"$BEFORE/$tool" 2>/dev/null || true; done
    cat /proc/sys/net/ipv4/ip_forward >"$BEFORE/ip_forward"
  fi
  ip link add name "$BRIDGE" type bridge &&
    ip address add "$BRIDGE_ADDRESS" dev "$BRIDGE" &&
    ip link set "$BRIDGE" up
}

# Succeeds if another engine runs in this network namespace. Our own engine has already ended.
other_engine() {
  local process
  for process in /proc/[0-9]*; do
    if [ "$(cat "$process/comm" 2>/dev/null)" = dockerd ] &&
      [ "$process/ns/net" -ef /proc/self/ns/net ]; then
      return 0
    fi
  done
  return 1
}

rules_down() {
  local tool=$1 table=$2 pattern=$3 rule
  "$tool" -t "$table" -S | grep -E -- "^-A .*($pattern)" | while read -r rule; do
    # shellcheck disable=SC2086 # each word is a word of the rule
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

# Prints the bridges of the engine's networks.
engine_bridges() {
  ip -o -4 address show | sed -n "s/^[0-9]*: \(br-[0-9a-f]*\) *inet $NETWORK\..*/\1/p"
}

# Removes the bridge, and the bridges that a killed engine left of its networks.
bridges_down() {
  local name tool table
  for name in $(engine_bridges) "$BRIDGE"; do
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
