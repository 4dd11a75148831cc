package devlinktest

import (
	"errors"
	"testing"
	"time"

	"github.com/switchcore/switchcore/devlink"
)

func life(generation uint64) *devlink.Life {
	return &devlink.Life{Handle: devlink.Handle{Bus: "pci", Device: "a"}, Index: 1, Generation: generation}
}

// numbered makes events of one life, one after the other.
func numbered(list ...devlink.Event) []devlink.Event {
	for n := range list {
		list[n].Seq, list[n].Previous = uint64(n+1), uint64(n)
		if list[n].Life == nil {
			list[n].Life = life(1)
		}
	}
	return list
}

func hear(s *Stream, list []devlink.Event) (err error) {
	s.replaying = false
	for _, e := range list {
		err = errors.Join(err, s.Hear(e))
	}
	return err
}

// TestStreamFindsWhatIsWrong: each list breaks one rule, and what comes before keeps all.
func TestStreamFindsWhatIsWrong(t *testing.T) {
	ev := func(v devlink.Verb, o devlink.Object) devlink.Event { return devlink.Event{Verb: v, Object: o} }
	dev, port := &devlink.InstanceInfo{}, &devlink.PortInfo{Index: 1}
	group, trap := &devlink.GroupInfo{Name: "g"}, &devlink.TrapInfo{Name: "t", Group: "g"}
	policed := &devlink.GroupInfo{Name: "h", Policer: 1}
	region, snapshot := &devlink.RegionInfo{Name: "r"}, &devlink.SnapshotInfo{Region: "r"}
	whole, part := &devlink.ResourceInfo{ID: 1}, &devlink.ResourceInfo{ID: 2, Parent: 1}
	portParam := &devlink.ParamInfo{Name: "p", Port: 1, OnPort: true}
	begin := ev(devlink.Added, dev)
	again := devlink.Event{Verb: devlink.Added, Object: dev, Life: life(1)}
	gap, back := numbered(begin, ev(devlink.Added, port)), numbered(begin, ev(devlink.Added, port))
	gap[1].Previous = 0
	back[1].Seq = 1
	for name, list := range map[string][]devlink.Event{
		"object before the instance":    numbered(ev(devlink.Added, port)),
		"object after the instance":     numbered(begin, ev(devlink.Deleted, dev), ev(devlink.Added, port)),
		"added twice":                   numbered(begin, ev(devlink.Added, port), ev(devlink.Added, port)),
		"changed before added":          numbered(begin, ev(devlink.Changed, port)),
		"deleted before added":          numbered(begin, ev(devlink.Deleted, port)),
		"object left":                   numbered(begin, ev(devlink.Added, port), ev(devlink.Deleted, dev)),
		"instance twice":                numbered(begin, begin),
		"generation again":              numbered(begin, ev(devlink.Deleted, dev), again),
		"trap before its group":         numbered(begin, ev(devlink.Added, trap)),
		"group before its policer":      numbered(begin, ev(devlink.Added, policed)),
		"group gone before its trap":    numbered(begin, ev(devlink.Added, group), ev(devlink.Added, trap), ev(devlink.Deleted, group)),
		"snapshot before its region":    numbered(begin, ev(devlink.Added, snapshot)),
		"region gone before a snapshot": numbered(begin, ev(devlink.Added, region), ev(devlink.Added, snapshot), ev(devlink.Deleted, region)),
		"part before the whole":         numbered(begin, ev(devlink.Added, part)),
		"whole gone before its part":    numbered(begin, ev(devlink.Added, whole), ev(devlink.Added, part), ev(devlink.Deleted, whole)),
		"what is on no port":            numbered(begin, ev(devlink.Added, portParam)),
		"replay out of place":           numbered(begin, ev(devlink.Existing, port)),
		"another number before":         gap,
		"number twice":                  back,
	} {
		s := NewStream(devlink.SubscribeOptions{Replay: true})
		if err := hear(s, list[:len(list)-1]); err != nil {
			t.Errorf("%s: too early: %v", name, err)
		}
		if hear(s, list[len(list)-1:]) == nil {
			t.Errorf("%s: not found", name)
		}
	}
}

// TestStreamFindsWhatIsMissing holds streams against a log.
func TestStreamFindsWhatIsMissing(t *testing.T) {
	all := numbered(
		devlink.Event{Verb: devlink.Added, Object: &devlink.InstanceInfo{}},
		devlink.Event{Verb: devlink.Added, Object: &devlink.PortInfo{Index: 1}},
		devlink.Event{Verb: devlink.Changed, Object: &devlink.PortInfo{Index: 1, Lanes: 2}},
		devlink.Event{Verb: devlink.Changed, Object: &devlink.PortInfo{Index: 1, Lanes: 4}},
		devlink.Event{Verb: devlink.Changed, Object: &devlink.InstanceInfo{}, Marks: devlink.Silent},
	)
	without := func(skip int) (list []devlink.Event) {
		before := uint64(0)
		for n, e := range all {
			if n != skip {
				e.Previous, before = before, e.Seq
				list = append(list, e)
			}
		}
		return list
	}
	try := func(o devlink.SubscribeOptions, list []devlink.Event, change func(*Stream)) error {
		var log Log
		s := NewStream(o)
		s.Follow(&log)
		for _, e := range all {
			log.Add(e)
		}
		if change != nil {
			change(s)
		}
		return errors.Join(hear(s, list), s.Drained())
	}
	ports := devlink.Filter{Kinds: devlink.KindsOf(devlink.KindPort)}
	for name, c := range map[string]struct {
		o      devlink.SubscribeOptions
		skip   int
		change func(*Stream)
		ok     bool
	}{
		"all":                      {skip: -1, ok: true},
		"one is missing":           {skip: 2},
		"the last is missing":      {skip: 4},
		"muted":                    {o: devlink.SubscribeOptions{CompatKernel: true}, skip: 4, ok: true},
		"not muted":                {o: devlink.SubscribeOptions{CompatKernel: true}, skip: -1},
		"coalesced":                {o: devlink.SubscribeOptions{Coalesce: true}, skip: 2, ok: true},
		"coalesced, and the last":  {o: devlink.SubscribeOptions{Coalesce: true}, skip: 3},
		"filtered and not":         {o: devlink.SubscribeOptions{Filter: ports}, skip: -1},
		"filtered from 4 on":       {skip: 4, change: func(s *Stream) { s.SetFilter(ports, 4) }, ok: true},
		"filtered from 3 on only":  {skip: 0, change: func(s *Stream) { s.SetFilter(ports, 3) }},
		"filter ignored from 4 on": {skip: -1, change: func(s *Stream) { s.SetFilter(ports, 4) }},
	} {
		if err := try(c.o, without(c.skip), c.change); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestCompareFindsWhatWasNotTold holds a stream that heard nothing against a registry.
func TestCompareFindsWhatWasNotTold(t *testing.T) {
	r, err := devlink.New(devlink.Config{Manual: true})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	o := devlink.SubscribeOptions{Replay: true}
	sub, err := r.Subscribe(o)
	if err != nil {
		t.Fatal(err)
	}
	i, err := r.NewInstance(devlink.InstanceConfig{Handle: devlink.Handle{Bus: "pci", Device: "a"}})
	if err != nil {
		t.Fatal(err)
	}
	i.SubmitRegister()
	r.Poll(time.Time{})
	deaf, s := NewStream(o), NewStream(o)
	deaf.replaying = false
	if deaf.Compare(r.Snapshot()) == nil {
		t.Error("nothing was told, and not found")
	}
	if err := errors.Join(s.Read(sub, 0), s.Compare(r.Snapshot())); err != nil || s.Events() == 0 {
		t.Errorf("%d events: %v", s.Events(), err)
	}
}
