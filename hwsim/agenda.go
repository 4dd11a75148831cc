package hwsim

import "slices"

// event is something that happens to the chip at a moment of its own, without an
// operation: a late report, a row that decays, a poll of its driver.
type event struct {
	at int64
	do func() // under mu
}

// schedule has do called under mu when the time is at. What is due at one moment
// happens in the order in which it was scheduled. Under mu.
func (c *Chip) schedule(at int64, do func()) {
	i, _ := slices.BinarySearchFunc(c.agenda, at, func(e event, at int64) int {
		if e.at <= at {
			return -1
		}
		return 1
	})
	c.agenda = slices.Insert(c.agenda, i, event{at, do})
	if !c.stepping && (c.promised == 0 || at < c.promised) {
		c.poke()
	}
}

// timer returns the moment at which something happens by itself, and whether
// there is one.
func (c *Chip) timer() (at int64, some bool) {
	at, some = c.rows.nextAge, c.rows.nextAge != 0
	if len(c.agenda) > 0 && (!some || c.agenda[0].at <= at) {
		at, some = c.agenda[0].at, true
	}
	return at, some
}

// fire does what timer found, no later than limit.
func (c *Chip) fire(limit int64) {
	if len(c.agenda) == 0 {
		c.age(limit)
		return
	}
	e := c.agenda[0]
	if age := c.rows.nextAge; age != 0 && age < e.at {
		c.age(min(limit, e.at))
		return
	}
	c.agenda = slices.Delete(c.agenda, 0, 1)
	e.do()
}
