#!/bin/bash
# A network namespace for two mail stacks, reached over two wires: the panel's, which is cut and loses packets, and that of
# the owners and of other mail servers, which stays. Nothing leaves the machine.
#
#   network.sh up NAMESPACE FIRST_PORT    makes it; what comes in for the two thousand ports of the stacks reaches its loopback
#   network.sh down NAMESPACE             takes it away
#   network.sh cut|mend NAMESPACE         the panel's wire, unplugged and plugged in again
#   network.sh cut-to|mend-to NAMESPACE N the panel's wire is dead, and not, for the stack that has the Nth thousand of ports
#   network.sh lose NAMESPACE PERCENT     packets of the panel's wire that are dropped at random, both ways; 0 for none
set -euo pipefail
PANEL_NET=10.98.0 PEOPLE_NET=10.98.1   # .1 is here, .2 is the stack
command=${1:?} ns=${2:?}
inside() { ip netns exec "$ns" "$@"; }

wire() { # wire NAME NET
  ip link add "$1-out" type veth peer name "$1-in" netns "$ns"
  ip addr add "$2.1/30" dev "$1-out"
  ip link set "$1-out" up
  inside ip addr add "$2.2/30" dev "$1-in"
  inside ip link set "$1-in" up
}

case "$command" in
  up)
    ports="$3-$(($3 + 1999))"
    "$0" down "$ns"
    ip netns add "$ns"
    inside ip link set lo up
    # Should a wire's route ever be missing, its packets must not find another way out.
    ip route replace unreachable 10.98.0.0/16 metric 4000
    wire chaos-p "$PANEL_NET"
    wire chaos-m "$PEOPLE_NET"
    # The stack's inner doors listen on its loopback only, and trust nobody else.
    inside sh -c 'echo 1 >/proc/sys/net/ipv4/conf/all/route_localnet'
    inside nft -f - <<NFT
table ip chaos {
  chain arrive { type nat hook prerouting priority -100; iifname "chaos-*" tcp dport $ports dnat to 127.0.0.1; }
  chain come_in { type nat hook input priority 100; iifname "chaos-*" snat to 127.0.0.1; }
  # The stacks reach each other by the addresses that everybody has of them.
  chain go { type nat hook output priority -100; ip daddr $PEOPLE_NET.2 tcp dport $ports dnat to 127.0.0.1; }
  chain leave { type nat hook postrouting priority 100; oifname lo ip saddr $PEOPLE_NET.2 snat to 127.0.0.1; }
  chain cut_1 { }
  chain cut_2 { }
  chain cut {
    type filter hook prerouting priority -310
    iifname chaos-p-in tcp dport $3-$(($3 + 999)) jump cut_1
    iifname chaos-p-in tcp dport $(($3 + 1000))-$(($3 + 1999)) jump cut_2
  }
  chain lose { type filter hook prerouting priority -300; }
  chain lose_back { type filter hook postrouting priority 300; }
}
NFT
    ;;
  down)
    ! ip netns list | grep -qw "$ns" || ip netns del "$ns"
    for wire in chaos-p chaos-m; do ip link del "$wire-out" 2>/dev/null || true; done
    ip route del unreachable 10.98.0.0/16 metric 4000 2>/dev/null || true
    ;;
  cut) inside ip link set chaos-p-in down ;;
  mend) inside ip link set chaos-p-in up ;;
  cut-to) inside nft add rule ip chaos "cut_$3" drop ;;
  mend-to) inside nft flush chain ip chaos "cut_$3" ;;
  lose)
    inside nft flush chain ip chaos lose
    inside nft flush chain ip chaos lose_back
    [ "$3" = 0 ] || {
      inside nft add rule ip chaos lose iifname chaos-p-in numgen random mod 100 "<" "$3" drop
      inside nft add rule ip chaos lose_back oifname chaos-p-in numgen random mod 100 "<" "$3" drop
    }
    ;;
  *) echo "network.sh: what is $command?" >&2; exit 2 ;;
esac
