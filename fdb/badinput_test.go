package fdb

import (
	"context"
	"errors"
	"io/fs"
	"syscall"
	"testing"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// TestBadInputIsRefusedAndNothingChanges: every row of the kernel's answers to
// bad input that concerns the table itself. The errno is the kernel's.
func TestBadInputIsRefusedAndNothingChanges(t *testing.T) {
	station, known, multicast := key(1), key(2), Key{MAC: switchdev.MAC{1, 0, 0x5e, 0, 0, 1}}
	add := func(e Entry) func(*bench) *Ticket { return func(b *bench) *Ticket { return b.SubmitAdd(e) } }
	replace := func(e Entry) func(*bench) *Ticket { return func(b *bench) *Ticket { return b.SubmitReplace(e) } }
	update := func(e Entry) func(*bench) *Ticket { return func(b *bench) *Ticket { return b.SubmitUpdate(e) } }
	appends := func(e Entry) func(*bench) *Ticket { return func(b *bench) *Ticket { return b.SubmitAppend(e) } }
	use := func(k Key, p switchdev.PortID) func(*bench) *Ticket {
		return func(b *bench) *Ticket { return b.SubmitUse(k, p) }
	}
	del := func(k Key, p switchdev.PortID) func(*bench) *Ticket {
		return func(b *bench) *Ticket { return b.SubmitDelete(k, p) }
	}
	flush := func(f Filter) func(*bench) *Ticket { return func(b *bench) *Ticket { return b.SubmitFlush(f) } }
	tests := []struct {
		name   string
		do     func(*bench) *Ticket
		errno  syscall.Errno
		sent   error
		reason string
	}{
		// EINVAL: all-zero MAC (rtnl_fdb_add: is_zero_ether_addr).
		{"zero MAC add", add(Entry{Port: 1, Flags: Static}), syscall.EINVAL, switchdev.ErrInvalid, "invalid address"},
		{"zero MAC replace", replace(Entry{Port: 1}), syscall.EINVAL, switchdev.ErrInvalid, "invalid address"},
		{"zero MAC delete", del(Key{}, 1), syscall.EINVAL, switchdev.ErrInvalid, "invalid address"},
		// EINVAL "invalid vlan id": 4095 and more.
		{"VLAN 4095", add(Entry{Key: Key{MAC: station.MAC, VLAN: 4095}, Port: 1}), syscall.EINVAL, switchdev.ErrInvalid, "invalid vlan id"},
		{"VLAN 65535", replace(Entry{Key: Key{MAC: station.MAC, VLAN: 65535}, Port: 1}), syscall.EINVAL, switchdev.ErrInvalid, "invalid vlan id"},
		{"VLAN 4095 delete", del(Key{MAC: station.MAC, VLAN: 4095}, 1), syscall.EINVAL, switchdev.ErrInvalid, "invalid vlan id"},
		// EINVAL on the bridge itself: state not permanent, also with ext_learn.
		{"bridge dynamic", add(Entry{Key: station}), syscall.EINVAL, switchdev.ErrInvalid, "FDB entry towards bridge must be permanent"},
		{"bridge static", replace(Entry{Key: station, Flags: Static}), syscall.EINVAL, switchdev.ErrInvalid, "FDB entry towards bridge must be permanent"},
		{"bridge extern", replace(Entry{Key: station, Flags: Extern}), syscall.EINVAL, switchdev.ErrInvalid, "FDB entry towards bridge must be permanent"},
		// EINVAL: sticky + permanent.
		{"sticky permanent", add(Entry{Key: station, Port: 1, Flags: Permanent | Sticky}), syscall.EINVAL, switchdev.ErrInvalid, "a permanent entry cannot be sticky"},
		{"sticky local", replace(Entry{Key: station, Port: 1, Flags: Local | Sticky}), syscall.EINVAL, switchdev.ErrInvalid, "a permanent entry cannot be sticky"},
		// EINVAL: NTF_EXT_LOCKED from user space.
		{"locked", add(Entry{Key: station, Port: 1, Flags: Locked}), syscall.EINVAL, switchdev.ErrInvalid, "entries cannot be locked by request"},
		{"locked static", replace(Entry{Key: station, Port: 1, Flags: Static | Locked}), syscall.EINVAL, switchdev.ErrInvalid, "entries cannot be locked by request"},
		// Ours: Linux ignores bits that it does not know.
		{"user flag", add(Entry{Key: station, Port: 1, Flags: User}), syscall.EINVAL, switchdev.ErrInvalid, "unknown or unsettable flags"},
		{"unknown flag", replace(Entry{Key: station, Port: 1, Flags: flagsEnd}), syscall.EINVAL, switchdev.ErrInvalid, "unknown or unsettable flags"},
		// EEXIST: NLM_F_EXCL and present, whatever it is (25, 27, 29).
		{"exists learned", add(Entry{Key: known, Port: 1}), syscall.EEXIST, switchdev.ErrExist, ""},
		{"exists static", add(Entry{Key: key(3), Port: 1, Flags: Static}), syscall.EEXIST, switchdev.ErrExist, ""},
		{"exists local", add(Entry{Key: key(4), Port: 1, Flags: Static}), syscall.EEXIST, switchdev.ErrExist, ""},
		{"exists extern", add(Entry{Key: key(5), Port: 1, Flags: Extern}), syscall.EEXIST, switchdev.ErrExist, ""},
		{"exists multicast", add(Entry{Key: multicast, Port: 1, Flags: Static}), syscall.EEXIST, switchdev.ErrExist, ""},
		// ENOENT: delete of what is absent, or on another port (38).
		{"delete absent", del(station, 1), syscall.ENOENT, switchdev.ErrNotExist, ""},
		{"delete wrong port", del(known, 1), syscall.ENOENT, switchdev.ErrNotExist, ""},
		{"delete from the bridge", del(known, 0), syscall.ENOENT, switchdev.ErrNotExist, ""},
		{"delete other VLAN", del(Key{MAC: known.MAC, VLAN: 1}, 2), syscall.ENOENT, switchdev.ErrNotExist, ""},
		{"delete local wrong port", del(key(4), 0), syscall.ENOENT, switchdev.ErrNotExist, ""},
		// EINVAL: the activity attribute says inactive without notify (79).
		{"inactive", add(Entry{Key: station, Port: 1, Flags: Static | Inactive}), syscall.EINVAL, switchdev.ErrInvalid, "an entry cannot be inactive without activity notification"},
		{"inactive replace", replace(Entry{Key: known, Port: 1, Flags: Inactive}), syscall.EINVAL, switchdev.ErrInvalid, "an entry cannot be inactive without activity notification"},
		{"inactive extern", replace(Entry{Key: known, Port: 1, Flags: Extern | Inactive}), syscall.EINVAL, switchdev.ErrInvalid, "an entry cannot be inactive without activity notification"},
		// Ours: a flag that only filters have. Linux has no way to say it.
		{"in hardware", add(Entry{Key: station, Port: 1, Flags: Static | InHardware}), syscall.EINVAL, switchdev.ErrInvalid, "unknown or unsettable flags"},
		// ENOENT: no NLM_F_CREATE and absent (26).
		{"update absent", update(Entry{Key: station, Port: 1, Flags: Static}), syscall.ENOENT, switchdev.ErrNotExist, ""},
		{"update absent extern", update(Entry{Key: station, Port: 1, Flags: Extern}), syscall.ENOENT, switchdev.ErrNotExist, ""},
		{"update zero MAC", update(Entry{Port: 1}), syscall.EINVAL, switchdev.ErrInvalid, "invalid address"},
		{"update locked", update(Entry{Key: known, Port: 2, Flags: Locked}), syscall.EINVAL, switchdev.ErrInvalid, "entries cannot be locked by request"},
		{"append zero MAC", appends(Entry{Port: 1}), syscall.EINVAL, switchdev.ErrInvalid, "invalid address"},
		{"append sticky permanent", appends(Entry{Key: known, Port: 1, Flags: Permanent | Sticky}), syscall.EINVAL, switchdev.ErrInvalid, "a permanent entry cannot be sticky"},
		// EINVAL: NTF_USE on the bridge device (33).
		{"use on the bridge", use(known, 0), syscall.EINVAL, switchdev.ErrInvalid, "no frame comes in on the bridge itself"},
		{"use zero MAC", use(Key{}, 1), syscall.EINVAL, switchdev.ErrInvalid, "invalid address"},
		{"use VLAN 4095", use(Key{MAC: station.MAC, VLAN: 4095}, 1), syscall.EINVAL, switchdev.ErrInvalid, "invalid vlan id"},
		// Ours: a verb that is none.
		{"no verb", func(b *bench) *Ticket { return b.submit(verbsEnd, Entry{Key: station, Port: 1}) }, syscall.EINVAL, switchdev.ErrInvalid, "unknown verb"},
		// Bulk delete (68): ERANGE for VLAN 4095, EINVAL for flags that it does
		// not filter by; of those Linux ignores the ones in the mask.
		{"flush VLAN 4095", flush(Filter{VLAN: 4095}), syscall.ERANGE, switchdev.ErrRange, "integer out of range"},
		{"flush unsupported flags", flush(Filter{Mask: Notify, Flags: Notify}), syscall.EINVAL, switchdev.ErrInvalid, "unsupported flags"},
		{"flush unsupported flags without a mask", flush(Filter{Flags: NoRefresh}), syscall.EINVAL, switchdev.ErrInvalid, "unsupported flags"},
		{"flush unsupported mask", flush(Filter{Mask: Inactive | Static}), syscall.EINVAL, switchdev.ErrInvalid, "unsupported flags"},
		{"flush unknown flags", flush(Filter{Mask: flagsEnd}), syscall.EINVAL, switchdev.ErrInvalid, "unsupported flags"},
		// Devices: one that the table has not; one that holds every port anyway.
		{"join foreign device", func(b *bench) *Ticket { return b.SubmitJoin(newChip("x"), 1) }, syscall.ENODEV, switchdev.ErrNoDevice, "not a device of this table"},
		{"leave foreign device", func(b *bench) *Ticket { return b.SubmitLeave(newChip("x"), 1) }, syscall.ENODEV, switchdev.ErrNoDevice, "not a device of this table"},
		{"join every port", func(b *bench) *Ticket { return b.SubmitJoin(b.devs[0].Driver, 1) }, syscall.EINVAL, switchdev.ErrInvalid, "the device holds every port"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, withChips(Config{}, newChip("sw0")))
			b.Learn(known, 2)
			b.must(b.SubmitAdd(Entry{Key: key(3), Port: 1, Flags: Static}))
			b.must(b.SubmitAdd(Entry{Key: key(4), Port: 1, Flags: Permanent}))
			b.must(b.SubmitAdd(Entry{Key: key(5), Port: 1, Flags: Extern}))
			b.must(b.SubmitAdd(Entry{Key: multicast, Port: 1, Flags: Static}))
			b.pass(time.Second)
			before := b.state()
			b.events()
			err := b.do(tt.do(b))
			var op *switchdev.OpError
			switch {
			case !errors.Is(err, tt.sent) || !errors.Is(err, tt.errno):
				t.Errorf("%v, want %v", err, tt.errno)
			case !errors.As(err, &op):
				t.Errorf("%v is no OpError", err)
			case op.Reason != tt.reason:
				t.Errorf("reason %q, want %q", op.Reason, tt.reason)
			case op.Op == "":
				t.Error("the error does not name the operation")
			}
			if after := b.state(); after != before {
				t.Errorf("state changed from\n%s\nto\n%s", before, after)
			}
			if ev := b.events(); len(ev) > 0 {
				t.Errorf("events: %v", kinds(ev))
			}
		})
	}
}

// TestGetRefuses: ENOENT "Fdb entry not found", EINVAL for a bad key (43).
func TestGetRefuses(t *testing.T) {
	b := newBench(t, Config{})
	ctx := t.Context()
	var op *switchdev.OpError
	_, err := b.Get(ctx, key(1))
	if !errors.Is(err, syscall.ENOENT) || !errors.Is(err, fs.ErrNotExist) || !errors.As(err, &op) || op.Reason != "Fdb entry not found" {
		t.Errorf("absent: %v", err)
	}
	for _, k := range []Key{{}, {MAC: key(1).MAC, VLAN: 4095}} {
		if _, err := b.Get(ctx, k); !errors.Is(err, syscall.EINVAL) {
			t.Errorf("%v: %v", k, err)
		}
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := b.Get(ended, key(1)); !errors.Is(err, context.Canceled) {
		t.Errorf("ended ctx: %v", err)
	}
}

// TestLegalOddInput: what the kernel takes, we take: group addresses as keys of
// static entries, and every flag combination that is not forbidden (31, 36, 37).
func TestLegalOddInput(t *testing.T) {
	b := newBench(t, Config{})
	group, broadcast := Key{MAC: switchdev.MAC{1, 0, 0x5e, 0, 0, 1}}, Key{MAC: switchdev.Broadcast(), VLAN: 4094}
	for _, tt := range []struct {
		give Entry
		want string
	}{
		{Entry{Key: group, Port: 1, Flags: Static}, "1 static,user user"},
		{Entry{Key: broadcast, Port: 2, Flags: Static}, "2 static,user user"},
		{Entry{Key: key(1), Port: 0, Flags: Local}, "0 static,local,user user"},     // permanent
		{Entry{Key: key(2), Port: 3, Flags: Permanent}, "3 static,local,user user"}, // permanent|noarp
		{Entry{Key: key(3), Port: 3, Flags: Static | Sticky}, "3 static,sticky,user user"},
		{Entry{Key: key(4), Port: 3, Flags: Sticky}, "3 sticky,user user"},
		{Entry{Key: key(5), Port: 65535}, "65535 user user"},
		{Entry{Key: key(6), Port: 1, Flags: Extern}, "1 extern_learn,user control"},
		{Entry{Key: key(7), Port: 0, Flags: Extern | Local}, "0 local,extern_learn,user control"},
		// OFFLOADED from user space is ignored, and so is all that is not asked.
		{Entry{Key: key(8), Port: 1, Owner: OwnerDriver, Offload: Offloaded, Seq: 99, Updated: InstantOf(b.now.Add(time.Hour))}, "1 user user"},
	} {
		b.must(b.SubmitAdd(tt.give))
		if got := b.get(tt.give.Key); got != tt.want {
			t.Errorf("%+v: %s, want %s", tt.give, got, tt.want)
		}
		e, _ := b.Get(t.Context(), tt.give.Key)
		if e.Offload != OffloadNone || e.Seq == 99 || e.Updated.After(b.now) {
			t.Errorf("%+v was taken from the request: %+v", tt.give, e)
		}
	}
}

// TestSetAgeingRefuses what is below the clock's step.
func TestSetAgeingRefuses(t *testing.T) {
	b := newBench(t, Config{Ageing: time.Second})
	for _, d := range []time.Duration{1, time.Millisecond, tickLength - 1} {
		if err := b.SetAgeing(d); !errors.Is(err, syscall.EINVAL) {
			t.Errorf("SetAgeing(%v) = %v", d, err)
		}
	}
	for _, d := range []time.Duration{-1, 1, tickLength - 1, maxAgeing + 1, NoLearning} {
		if err := b.TopologyChange(d); !errors.Is(err, syscall.EINVAL) {
			t.Errorf("TopologyChange(%v) = %v", d, err)
		}
	}
	if b.Ageing() != time.Second || b.Hold() != time.Second {
		t.Errorf("Ageing = %v, Hold = %v", b.Ageing(), b.Hold())
	}
}

// TestSetLearningMaxRefuses what is no number of entries.
func TestSetLearningMaxRefuses(t *testing.T) {
	b := newBench(t, Config{Learning: Learning{Max: 3}})
	if err := b.SetLearningMax(-1); !errors.Is(err, syscall.EINVAL) || b.LearningMax() != 3 {
		t.Errorf("SetLearningMax(-1) = %v, and it is %d", err, b.LearningMax())
	}
	if _, err := New(Config{Manual: true, Learning: Learning{Max: -1}}); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("New = %v", err)
	}
}
