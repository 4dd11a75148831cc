package fdb

import "github.com/switchcore/switchcore/switchdev"

// sourceCases are those of frames whose source address teaches nothing.
func sourceCases() []ruleCase {
	return []ruleCase{
		{8, "a frame from the bridge's own address", Config{}, func(b *bench) {
			k := key(1)
			b.must(b.SubmitReplace(Entry{Key: k, Port: 1, Flags: Permanent, Owner: OwnerBridge}))
			at := b.updated(k)
			b.events()
			for _, p := range []switchdev.PortID{1, 2} {
				b.pass(DefaultAgeing)
				if got := b.seen(k, p); got != Own {
					b.t.Errorf("Learn = %v", got)
				}
				if got := b.LearnLocked(k, p); got.Accepted() && got != Own {
					b.t.Errorf("LearnLocked = %v", got)
				}
				b.has(k, "1 static,local bridge")
			}
			b.tells("")
			if !b.updated(k).Equal(at) {
				b.t.Error("it was renewed")
			}
		}},
		{9, "group and zero sources", Config{}, func(b *bench) {
			for _, text := range []string{"ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01", "33:33:00:00:00:01", "03:00:00:00:00:00", "00:00:00:00:00:00"} {
				k := Key{MAC: switchdev.MustParseMAC(text), VLAN: 10}
				if got := b.seen(k, 1); got != Ignored {
					b.t.Errorf("Learn of %v = %v", k, got)
				}
				if got := b.LearnLocked(k, 1); got != Ignored {
					b.t.Errorf("LearnLocked of %v = %v", k, got)
				}
				b.wantAt("learned", k, 0)
			}
			b.tells("")
			if s := b.Stats(); s.Entries+s.Pending != 0 || s.Learning.Accepted != 0 {
				b.t.Errorf("%+v", s)
			}
		}},
	}
}
