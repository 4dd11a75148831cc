package devlink

import "testing"

// TestWhatWasCapturedStays: a change overwrites what the tree has of an instance only
// where no snapshot has it; each snapshot keeps what was there when it was taken.
func TestWhatWasCapturedStays(t *testing.T) {
	r := newRegistry(t, Config{Manual: true})
	i := registered(t, r, "a", "", newThing(KindTrap, "t", 0))
	var snaps []*Snapshot
	for n := range 6 {
		do(t, i, func(l *Locked) error { return put(l, newThing(KindTrap, "t", n)) })
		snaps = append(snaps, r.Snapshot())
		if n%2 == 0 { // twice between two captures, too
			do(t, i, func(l *Locked) error { return put(l, newThing(KindTrap, "t", 100)) })
		}
	}
	for n, s := range snaps {
		if got := s.Object("", Handle{"test", "a"}, KindTrap, Key{Name: "t"}).(*thing).val; got != n {
			t.Errorf("snapshot %d has %d", n, got)
		}
	}
	if got := r.Snapshot().Object("", Handle{"test", "a"}, KindTrap, Key{Name: "t"}).(*thing).val; got != 5 {
		t.Errorf("the last change is not to be seen: %d", got)
	}
}
