package machine

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/fdb/show"
	"github.com/switchcore/switchcore/switchdev"
)

// world is a machine under test.
type world struct {
	*Machine
	t *testing.T
}

func open(t *testing.T, c Config) *world {
	t.Helper()
	m, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return &world{m, t}
}

// old is a machine with every defect of Linux 6.1.
func old() Config {
	return Config{
		FDB:     fdb.QuirkStaticReaddNotifies | fdb.QuirkTCKeepsGCTimer | fdb.QuirkLegacyOffload,
		Bridge:  bridge.QuirkDeleteNeedsVLAN | bridge.QuirkStateSelection | bridge.QuirkSilentHeir,
		Netlink: SelfEcho | Texts61, Rocker: true,
	}
}

// ok fails the test on an error.
func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// station is the n-th station, and mac any address.
func station(n byte) switchdev.MAC { return switchdev.MAC{0x02, 0xdd, 0, 0, 0, n} }

func broadcast() switchdev.MAC { return switchdev.MAC{0xff, 0xff, 0xff, 0xff, 0xff, 0xff} }

// frame is one of 60 bytes.
func frame(dst, src switchdev.MAC) []byte {
	f := append(append(make([]byte, 0, 60), dst[:]...), src[:]...)
	return append(f, make([]byte, 48)...)
}

// sends returns who gets a frame.
func (w *world) sends(dev string, src, dst switchdev.MAC) string {
	w.t.Helper()
	copies, err := w.Send("", dev, frame(dst, src))
	w.ok(err)
	var names []string
	for _, c := range copies {
		if string(c.Frame[:6]) == string(dst[:]) && string(c.Frame[6:12]) == string(src[:]) {
			names = append(names, c.Dev)
		}
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// told returns the notifications of the initial namespace, one a line, del first where it
// is one.
func (w *world) told() string {
	rows, _ := w.FDBEvents("")
	return lines(rows)
}

func lines(rows []show.Row) string {
	var b strings.Builder
	for _, r := range rows {
		fmt.Fprintln(&b, strings.TrimSpace(r.String()))
	}
	return b.String()
}

// want compares text line by line.
func (w *world) want(what, got string, want ...string) {
	w.t.Helper()
	if joined := strings.Join(want, "\n"); strings.TrimSpace(got) != joined {
		w.t.Errorf("%s:\n%s\nwant:\n%s", what, got, joined)
	}
}

// dump is everything that can be seen of a machine but its time.
func (w *world) dump() string {
	var b strings.Builder
	for ns := range w.spaces {
		for _, l := range w.Links(ns) {
			fmt.Fprintf(&b, "link %+v\n", l)
			vlans, _ := w.VLANs(ns, l.Name)
			fmt.Fprintf(&b, "vlans %s %s %+v\n", ns, l.Name, vlans)
		}
		for _, p := range w.BridgePorts(ns) {
			fmt.Fprintf(&b, "port %s %+v\n", ns, p)
		}
		fmt.Fprintf(&b, "fdb %s\n%s", ns, lines(w.FDB(ns)))
	}
	for _, br := range w.bridges {
		fmt.Fprintf(&b, "bridge %s %v %v %v %v %+v %+v %v %v\n", br.dev.name, br.b.Up(), br.b.Filtering(), br.b.MAC(),
			br.b.Table().Ageing(), br.b.STP(), br.link, br.pvid, br.tree)
	}
	rows, _ := w.SwitchRows("sw1")
	fmt.Fprintf(&b, "rows %+v\n", rows)
	all := strings.Split(b.String(), "\n")
	slices.Sort(all)
	return strings.Join(all, "\n")
}

// refusal checks an errno and a text, and that errors.Is finds the sentinel.
func (w *world) refusal(what string, err error, errno Errno, text string) {
	w.t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Errno != errno || e.Text != text {
		w.t.Errorf("%s: %#v, want %v %q", what, err, errno, text)
	}
	if s := errno.row().sentinel; s != nil && !errors.Is(err, s) {
		w.t.Errorf("%s: %v is not %v", what, err, s)
	}
}

func ptr[T any](v T) *T { return &v }

const second = time.Second
