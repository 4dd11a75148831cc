package live

import (
	"errors"
	"slices"
	"testing"
)

// kernel makes a Kernel that ends with the test.
func kernel(t *testing.T) *Kernel {
	t.Helper()
	k, err := New(Config{})
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skipf("not on the running kernel: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := k.Close(); err != nil {
			t.Error(err)
		}
	})
	return k
}

func exec1(t *testing.T, k *Kernel, line string, want ...string) {
	t.Helper()
	got, err := k.Exec(line)
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n%q, want\n%q", line, got, want)
	}
}

func TestKernelForwards(t *testing.T) {
	k := kernel(t)
	exec1(t, k, "lab bridge br0 ports p1 p2 p3")
	exec1(t, k, "lab events fdb")
	exec1(t, k, "lab send h1 02:dd:00:00:00:01 ff:ff:ff:ff:ff:ff", "rx: br0 h2 h3")
	exec1(t, k, "lab events fdb", `new {"mac":"02:dd:00:00:00:01","ifname":"p1","flags":[],"master":"br0","state":""}`)
	exec1(t, k, "lab send h2 02:dd:00:00:00:02 02:dd:00:00:00:01 count 3 vlan 7", "rx: h1/7*3")
	exec1(t, k, "bridge -j fdb show br br0 dynamic",
		`{"mac":"02:dd:00:00:00:01","ifname":"p1","flags":[],"master":"br0","state":""}`,
		`{"mac":"02:dd:00:00:00:02","ifname":"p2","flags":[],"master":"br0","state":""}`)
}

func TestKernelMovesInterfacesBetweenNamespaces(t *testing.T) {
	k := kernel(t)
	exec1(t, k, "lab bridge br0 ports p1 p2")
	if k.VLANFiltering() {
		exec1(t, k, "ip link set dev br0 type bridge vlan_default_pvid 0")
	}
	exec1(t, k, "ip netns add red")
	exec1(t, k, "lab events fdb")
	exec1(t, k, "lab events fdb netns red")
	exec1(t, k, "ip link set dev p1 netns red")
	exec1(t, k, "lab events fdb", `del {"mac":"02:00:00:00:00:01","ifname":"p1","flags":[],"master":"br0","state":"permanent"}`)
	exec1(t, k, "bridge -n red fdb add 02:aa:00:00:00:01 dev p1 self")
	exec1(t, k, "bridge -j -n red fdb show", `{"mac":"02:aa:00:00:00:01","ifname":"p1","flags":["self"],"state":"permanent"}`)
	exec1(t, k, "lab events fdb netns red", `new {"mac":"02:aa:00:00:00:01","ifname":"p1","flags":["self"],"state":"permanent"}`)
	exec1(t, k, "lab events fdb")
	exec1(t, k, "ip -n red link set dev p1 netns 1")
	exec1(t, k, "ip link set dev p1 master br0")
	exec1(t, k, "lab events fdb", `new {"mac":"02:00:00:00:00:01","ifname":"p1","flags":[],"master":"br0","state":"permanent"}`)
	exec1(t, k, "ip netns del red")
	exec1(t, k, "ip -n red link set dev p1 up", `! Cannot open network namespace "red": No such file or directory`)
}
