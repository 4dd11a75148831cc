#!/bin/bash
# Records stations.pcapng, bridge-out.pcapng, fdb.txt and topology.txt: real Linux stacks in
# network namespaces, joined by a real Linux bridge. Needs root, Linux with veth, bridge and
# macvlan, Debian's iproute2 and tcpdump, and Go. Takes half a minute. Usage: record.sh [folder]
set -euo pipefail

[ "$(id -u)" = 0 ] || { echo "record.sh: needs root" >&2; exit 1; }

here=$(cd "$(dirname "$0")" && pwd)
out=$(realpath "${1:-$here}")
run=swcap$$
work=$(mktemp -d)
ports=(1 2 3 4 5)
ageing=10 # seconds
crowd=44  # stations behind port 5
jobs_started=()
stamp_setting=/proc/sys/net/core/netdev_tstamp_prequeue
stamp_before=$(cat $stamp_setting)

cleanup() {
	local status=$?
	trap - EXIT INT TERM
	set +e
	echo "$stamp_before" >$stamp_setting
	for pid in "${jobs_started[@]}"; do kill "$pid" 2>/dev/null; done
	wait 2>/dev/null
	for ns in br h1 h2 h3 h4 h5 vm; do ip netns del "$run-$ns" 2>/dev/null; done
	rm -rf "$work"
	exit $status
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

in_ns() { local ns=$1; shift; ip netns exec "$run-$ns" "$@"; }
talk() { local ns=$1; shift; in_ns "$ns" "$work/talk" "$@"; }
set_in() { # namespace key=value...
	local ns=$1; shift
	in_ns "$ns" sysctl -qw "$@"
}
# background NAME NAMESPACE COMMAND... starts a command and notes its process in pid_NAME. It is
# started without a function between, so that the process is the command itself.
background() {
	local name=$1 ns=$2; shift 2
	ip netns exec "$run-$ns" "$@" & jobs_started+=($!)
	declare -g "pid_$name=$!"
}
# hand_made sends a set of frames from a host.
hand_made() { # host set
	talk "$1" frames eth0 "$2" "$(host_mac "${1#h}")" "$(host_mac 1)" "$(port_mac 3)" $bridge_mac
}
say() { echo "$(date +%T) $*"; }

port_mac() { echo "02:00:00:00:01:0$1"; }
host_mac() { echo "02:00:00:00:02:0$1"; }
bridge_mac=02:00:00:00:01:00
vm_mac=02:00:00:00:06:01

build() {
	(cd "$here" && CGO_ENABLED=0 go build -o "$work/talk" ./talk && CGO_ENABLED=0 go build -o "$work/merge" ./merge)
}

make_bridge() {
	ip netns add "$run-br"
	# Nothing but the bridge lives here: what leaves a port came in by another.
	set_in br net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
	# No firewall hooks on bridged frames.
	set_in br net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0 \
		net.bridge.bridge-nf-call-arptables=0 2>/dev/null || true
	ip -n "$run-br" link add br0 address $bridge_mac type bridge \
		stp_state 0 mcast_snooping 0 ageing_time $((ageing * 100)) forward_delay 0
	ip -n "$run-br" link set br0 up
}

make_host() { # number
	local n=$1 ns=$run-h$1
	ip netns add "$ns"
	# Silent until the recording starts.
	set_in "h$n" net.ipv6.conf.default.disable_ipv6=1
	ip -n "$run-br" link add "p$n" address "$(port_mac "$n")" type veth \
		peer name eth0 address "$(host_mac "$n")" netns "$ns"
	ip -n "$run-br" link set "p$n" master br0 up
	ip -n "$ns" link set lo up
	ip -n "$ns" link set eth0 up
	talk "h$n" plain eth0
	in_ns br "$work/talk" plain "p$n"
	# One CPU handles what all ports receive, so that frames are stamped in the order in which
	# the bridge takes them.
	in_ns br sh -c "echo 1 >/sys/class/net/p$n/queues/rx-0/rps_cpus"
}

start_capture() {
	echo 0 >$stamp_setting # stamp after the hand-over to that CPU, not before
	local n dir
	for n in "${ports[@]}"; do
		for dir in in out; do
			background "capture_${n}_$dir" br tcpdump -i "p$n" -Q $dir -w "$work/p$n-$dir.pcap" -n -p -U -s 2048 -B 4096 \
				--immediate-mode --time-stamp-precision=nano -Z root 2>"$work/p$n-$dir.log"
		done
	done
	for n in "${ports[@]}"; do
		for dir in in out; do
			until grep -q 'listening on' "$work/p$n-$dir.log"; do sleep 0.05; done
		done
	done
}

stop_capture() {
	local n dir name
	sleep 1
	for n in "${ports[@]}"; do
		for dir in in out; do
			name=pid_capture_${n}_$dir
			kill -TERM "${!name}"
			wait "${!name}" || true
			grep -q '^0 packets dropped by kernel' "$work/p$n-$dir.log" || { cat "$work/p$n-$dir.log"; exit 1; }
		done
	done
}

address_host() { # number
	local n=$1 ns=$run-h$1
	set_in "h$n" net.ipv6.conf.eth0.disable_ipv6=0
	ip -n "$ns" addr add "192.0.2.$n/24" brd + dev eth0
	ip -n "$ns" addr add "2001:db8::$n/64" dev eth0
	ip -n "$ns" route add 224.0.0.0/4 dev eth0
	ip -n "$ns" route add 255.255.255.255 dev eth0
}

make_crowd() {
	set_in h5 net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2 net.ipv4.conf.all.rp_filter=0 \
		net.ipv4.conf.default.rp_filter=0 net.ipv6.conf.default.disable_ipv6=0
	local i
	for ((i = 1; i <= crowd; i++)); do
		ip -n "$run-h5" link add link eth0 name "c$i" address "$(printf 02:00:00:00:05:%02x "$i")" type macvlan mode bridge
		ip -n "$run-h5" addr add "192.0.2.$((100 + i))/24" dev "c$i" noprefixroute
		ip -n "$run-h5" link set "c$i" up
	done
	for ((i = 1; i <= crowd; i++)); do talk h5 ping "c$i" 192.0.2.$((i % 2 + 1)) 1 1ms; done
}

# vm_at puts the wandering machine behind a host. What announces it is its own stack.
vm_at() { # host number
	local ns=$run-vm
	ip -n "$run-h$1" link add link eth0 name vmlink address $vm_mac type macvlan mode bridge
	ip -n "$run-h$1" link set vmlink netns "$ns" name eth0
	set_in vm net.ipv4.conf.eth0.arp_notify=1 net.ipv6.conf.eth0.ndisc_notify=1
	ip -n "$ns" addr add 192.0.2.60/24 brd + dev eth0
	ip -n "$ns" link set eth0 up
	ip -n "$ns" addr add 2001:db8::60/64 dev eth0
}

describe() {
	cat <<TEXT
Recorded with Linux $(uname -r | cut -d- -f1), $(tcpdump --version 2>&1 | head -1), $(ip -V).
One bridge, br0, address $bridge_mac (set by hand): STP off, no VLAN filtering, multicast
snooping off, ageing time $ageing s, forward delay 0. No IP on the bridge or its ports, IPv6 off there.
Every port: learning, flooding of all three classes, no hairpin, no isolation, state forwarding
from before the first frame to after the last; carrier never lost.

port  address            behind it
TEXT
	local n
	for n in "${ports[@]}"; do
		echo "p$n    $(port_mac "$n")  $(host_mac "$n") 192.0.2.$n 2001:db8::$n"
	done
	cat <<TEXT

Behind p5 also $crowd stations 02:00:00:00:05:01 to $(printf 02:00:00:00:05:%02x "$crowd"), 192.0.2.101 and up.
Behind p3, then p5: $vm_mac 192.0.2.60 2001:db8::60.
Hand-made frames only: 02:00:00:00:09:01 from p2, p4 and p5 in turn; 02:00:00:00:09:99 never speaks.

fdb.txt is "bridge fdb show br br0" at $fdb_time (seconds since 1970, UTC, the clock of
both captures).
TEXT
}

build
ip netns add "$run-vm"
make_bridge
for n in "${ports[@]}"; do make_host "$n"; done
# Port 4's station is to be silent for longer than the ageing time.
set_in h4 net.ipv6.conf.eth0.router_solicitations=0
sleep 1
bridge -n "$run-br" link show | awk '!/state forwarding/ { bad = 1 } END { exit bad }'
start_capture

say "addresses: duplicate detection, multicast reports"
for n in "${ports[@]}"; do address_host "$n"; done
sleep 2.5
background server h1 "$work/talk" serve 192.0.2.1:9000 '[2001:db8::1]:9000'

say "first contacts"
for n in 2 3 4 5; do
	talk h1 ping eth0 192.0.2.$n 2 100ms
	talk h1 ping eth0 2001:db8::$n 2 100ms
done
talk h2 ping eth0 192.0.2.4 2 100ms
talk h3 ping eth0 2001:db8::5 2 100ms

say "groups and broadcast"
background v4_2 h2 "$work/talk" listen 239.1.2.3:9001 eth0 2s
background v4_4 h4 "$work/talk" listen 239.1.2.3:9001 eth0 2s
background v6_3 h3 "$work/talk" listen '[ff15::1234]:9001' eth0 2s
sleep 0.5
talk h1 say 239.1.2.3:9001 10 50ms 200
talk h1 say '[ff15::1234%eth0]:9001' 10 50ms 200
talk h5 say 192.0.2.255:9002 5 50ms 100
wait "$pid_v4_2" "$pid_v4_4" "$pid_v6_3"
talk h5 say 255.255.255.255:9002 2 50ms 100

say "transfers"
talk h2 push 192.0.2.1:9000 60000
talk h2 pull 192.0.2.1:9000 60000
talk h3 push '[2001:db8::1]:9000' 20000
talk h3 pull '[2001:db8::1]:9000' 20000
talk h4 pull 192.0.2.1:9000 10000 # the last that is heard of station 4 for a while

say "a crowd behind port 5"
make_crowd

say "a machine that moves from port 3 to port 5"
vm_at 3
sleep 2
talk vm ping eth0 192.0.2.1 2 100ms
background chat vm "$work/talk" chat 192.0.2.1:9000 40 100ms
background knock h1 "$work/talk" ping eth0 192.0.2.60 30 150ms
sleep 1.5
ip -n "$run-vm" link del eth0
sleep 0.4
vm_at 5
wait "$pid_chat" "$pid_knock"
talk h2 ping eth0 2001:db8::60 2 100ms

say "frames that no stack here would send"
talk h1 ping eth0 192.0.2.2 1 1ms
hand_made h2 odd
for n in 2 4 5; do
	hand_made "h$n" wander
	hand_made h1 seek
done

say "silence, longer than the ageing time"
sleep 8.5
hand_made h1 seek # the wanderer has been silent for 9 s: still known
sleep 2
hand_made h1 seek # for 11 s: forgotten
sleep 5
talk h1 ping eth0 192.0.2.4 2 100ms
hand_made h2 own
talk h2 ping eth0 192.0.2.3 2 100ms

# The recordings are cut at the moment of the list: the ends of ten captures are not one moment.
bridge -n "$run-br" fdb show br br0 >"$work/fdb.txt"
fdb_time=$(date +%s.%N)
stop_capture

say "writing"
for dir in in out; do
	args=()
	for n in "${ports[@]}"; do args+=("p$n=$work/p$n-$dir.pcap"); done
	"$work/merge" -until "$fdb_time" -o "$work/$dir.pcapng" "${args[@]}"
done
describe >"$work/topology.txt"
install -m 644 "$work/in.pcapng" "$out/stations.pcapng"
install -m 644 "$work/out.pcapng" "$out/bridge-out.pcapng"
install -m 644 "$work/fdb.txt" "$work/topology.txt" "$out/"
ls -l "$out"/*.pcapng
