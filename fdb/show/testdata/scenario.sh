# A bridge and two VXLAN devices with a row of every kind that the kernel lets a
# program make, in a network namespace of its own. What the kernel was built
# without fails, and its rows are missing.
exec 2>/dev/null
sysctl -qw net.ipv6.conf.default.disable_ipv6=1 net.ipv6.conf.all.disable_ipv6=1
ip link add br0 address 02:00:00:00:00:fe type bridge
ip link add p1 address 02:00:00:00:00:01 type veth peer name h1 address 02:00:00:00:01:01
ip link add 'q"\2' address 02:00:00:00:00:02 type veth peer name h2 address 02:00:00:00:01:02
ip link set p1 master br0
ip link set 'q"\2' master br0
for d in br0 p1 h1 'q"\2' h2; do ip link set "$d" up; done
bridge fdb add 02:aa:00:00:00:01 dev p1 master static
bridge fdb add 02:aa:00:00:00:02 dev 'q"\2' master dynamic
bridge fdb add 02:aa:00:00:00:03 dev p1 master static sticky
${PAUSE:+sleep $PAUSE}
bridge fdb replace 02:aa:00:00:00:01 dev p1 master static sticky
bridge fdb add 02:aa:00:00:00:04 dev p1 master dynamic sticky
bridge fdb add 02:aa:00:00:00:05 dev 'q"\2' master extern_learn
bridge fdb add 02:aa:00:00:00:06 dev p1 master local extern_learn
bridge fdb add 02:aa:00:00:00:07 dev br0 self local
bridge fdb add 02:aa:00:00:00:08 dev p1 self
bridge fdb add 33:33:00:00:00:01 dev p1 master static
bridge link set dev p1 locked on mab on
ip addr add 10.0.0.1/24 dev h1
ip link add vx0 address 02:00:00:00:00:03 type vxlan id 100 dstport 4789 dev h1
ip link add vx1 address 02:00:00:00:00:04 type vxlan dstport 4790 external
ip link set vx0 master br0
ip link set vx0 up
ip link set vx1 up
ip nexthop add id 10 via 10.0.0.9 fdb
ip nexthop add id 20 group 10 fdb
bridge fdb add 02:bb:00:00:00:01 dev vx0 dst 10.0.0.2
bridge fdb add 02:bb:00:00:00:02 dev vx0 dst 10.0.0.3 port 4799 vni 200 via h2
bridge fdb append 02:bb:00:00:00:03 dev vx0 dst 10.0.0.4 router
bridge fdb add 02:bb:00:00:00:09 dev vx0 dst 10.0.0.4 extern_learn
bridge fdb add 02:bb:00:00:00:04 dev vx0 nhid 20 static
bridge fdb add 00:00:00:00:00:00 dev vx0 dst 10.0.0.6
bridge fdb add 02:bb:00:00:00:05 dev vx1 dst 10.0.0.7 src_vni 300 vni 301
bridge fdb add 02:bb:00:00:00:06 dev vx0 dst 10.0.0.8 dynamic
bridge fdb add 02:bb:00:00:00:07 dev vx0 master static
# A VXLAN device whose lower interface is in another namespace.
ip link add vx2 address 02:00:00:00:00:05 type vxlan id 102 dstport 4791 dev h1
unshare -n sleep 60 &
child=$!
while [ "$(readlink /proc/$child/ns/net)" = "$(readlink /proc/$$/ns/net)" ]; do :; done
ip link set vx2 netns $child
nsenter -t $child -n bridge fdb add 02:bb:00:00:00:08 dev vx2 dst 10.0.0.9
h2=$(ip -o link show h2 | cut -d: -f1)
nsenter -t $child -n bridge fdb add 02:bb:00:00:00:0a dev vx2 dst 10.0.0.9 via lo
${PAUSE:+sleep $PAUSE}
exec 2>&1
for options in "" -d -s -j "-j -s" "-j -p" "-j -p -s"; do
	for in in "" "nsenter -t $child -n"; do
		for what in "" " brport p1" " br br0" " br br0 vlan 9"; do
			[ "$in$what" = "$in" ] || [ -z "$in" ] || continue
			echo "# bridge $options fdb show$what"
			$in bridge $options fdb show$what
		done
	done
done
kill $child
