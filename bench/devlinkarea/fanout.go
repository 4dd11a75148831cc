package devlinkarea

import (
	"slices"
	"sync"

	"github.com/switchcore/switchcore/devlink"
)

// depth is how many events a channel holds. Fewer make the peer slower, more no faster.
const depth = 1024

// note is an event of the peer: what there is in devlink.Event but the number of the
// one before.
type note struct {
	seq    uint64
	verb   devlink.Verb
	marks  devlink.Marks
	life   *devlink.Life
	object devlink.Object
}

// ear is a subscriber of the peer; the zero handle hears everything.
type ear struct {
	device, bus string
	notes       chan note
}

// fanout is how programs tell their parts of changes: a list of subscribers with a
// channel each, under a mutex. The producer looks who wants an event, and waits where a
// channel is full, so that nothing is lost.
type fanout struct {
	mu   sync.Mutex
	seq  uint64
	ears []ear
	// of has those that hear one instance, if they are not among ears.
	of map[devlink.Handle][]ear
}

func (f *fanout) publish(e note) {
	f.mu.Lock()
	f.seq++
	e.seq = f.seq
	for i := range f.ears {
		if s := &f.ears[i]; s.device == "" || s.device == e.life.Device && s.bus == e.life.Bus {
			s.notes <- e
		}
	}
	if f.of != nil {
		for _, s := range f.of[e.life.Handle] {
			s.notes <- e
		}
	}
	f.mu.Unlock()
}

// plain is an instance of the peer: its state and a lock, no more.
type plain struct {
	mu     sync.Mutex
	life   *devlink.Life
	info   *devlink.InstanceInfo
	ports  []*devlink.PortInfo
	driver *chip
}

func (i *plain) add(f *fanout) {
	for _, p := range i.driver.ports {
		n := &p // each has its own, which does not change any more
		i.ports = append(i.ports, n)
		if f != nil {
			f.publish(note{verb: devlink.Added, life: i.life, object: n})
		}
	}
}

func (i *plain) register(f *fanout) {
	i.mu.Lock()
	defer i.mu.Unlock()
	f.publish(note{verb: devlink.Added, life: i.life, object: i.info})
	for _, p := range i.ports {
		f.publish(note{verb: devlink.Added, life: i.life, object: p})
	}
}

func (i *plain) reload(f *fanout) {
	i.mu.Lock()
	defer i.mu.Unlock()
	f.publish(note{verb: devlink.Status, life: i.life, object: &devlink.ReloadProgress{}})
	for _, p := range slices.Backward(i.ports) {
		i.ports = i.ports[:len(i.ports)-1]
		f.publish(note{verb: devlink.Deleted, life: i.life, object: p})
	}
	i.add(f)
	n := *i.info
	n.Local[devlink.LimitUnspec][devlink.ActionDriverReinit]++
	i.info = &n
	f.publish(note{verb: devlink.Changed, life: i.life, object: i.info})
	f.publish(note{verb: devlink.Status, life: i.life, object: &devlink.ReloadProgress{Ended: true}})
}

func (i *plain) unregister(f *fanout) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, p := range slices.Backward(i.ports) {
		f.publish(note{verb: devlink.Deleted, life: i.life, object: p})
	}
	f.publish(note{verb: devlink.Deleted, life: i.life, object: i.info})
}

// channels is ours with the peer.
func (l load) channels(index bool) (work func() error, end func(), err error) {
	f := new(fanout)
	if index {
		f.of = map[devlink.Handle][]ear{}
	}
	tallies := make([]tally, l.open+l.filtered)
	var wg sync.WaitGroup
	var all []chan note
	for n := range tallies {
		s := ear{notes: make(chan note, depth)}
		all = append(all, s.notes)
		if k := n - l.open; k >= 0 {
			h := handleOf(l.subject(k))
			s.device, s.bus = h.Device, h.Bus
			if index {
				f.of[h] = append(f.of[h], s)
			}
		}
		if s.device == "" || !index {
			f.ears = append(f.ears, s)
		}
		wg.Go(func() {
			var t tally
			for e := range s.notes {
				t.add(e.seq, e.verb)
			}
			tallies[n] = t
		})
	}
	driver := &chip{portsOf(l.ports)}
	list := make([]*plain, l.instances)
	for n := range list {
		list[n] = &plain{life: &devlink.Life{Handle: handleOf(n), Index: uint64(n), Generation: 1}, info: new(devlink.InstanceInfo), driver: driver}
		list[n].add(nil)
	}
	end = sync.OnceFunc(func() {
		for _, c := range all {
			close(c)
		}
		wg.Wait()
	})
	work = func() error {
		for _, step := range []func(*plain, *fanout){(*plain).register, (*plain).reload, (*plain).unregister} {
			for _, i := range list {
				step(i, f)
			}
		}
		end()
		for n := range tallies {
			of := 1
			if n < l.open {
				of = l.instances
			}
			if err := tallies[n].check(l, of); err != nil {
				return err
			}
		}
		return nil
	}
	return work, end, nil
}
