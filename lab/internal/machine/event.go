package machine

import (
	"slices"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/show"
)

// journal holds the notifications of a namespace that nobody has asked for yet.
type journal struct {
	recording bool
	rows      []show.Row
}

func (j *journal) write(r show.Row) {
	if j.recording {
		j.rows = append(j.rows, r)
	}
}

// hear writes down what bridges have told.
func (m *Machine) hear() {
	for _, b := range m.bridges {
		view := b.view()
		for _, e := range b.list.take(m.heard(b), b.leaving) {
			if row, told := view.FromEvent(e); told {
				b.dev.space.journal.write(row)
			}
		}
	}
}

// heard returns what a bridge has told since it was asked last.
func (m *Machine) heard(b *bridgeDevice) (events []fdb.Event) {
	for {
		e, ok, err := b.sub.TryNext()
		if err != nil && m.cfg.Logger != nil {
			m.cfg.Logger.Warn("notifications lost", "bridge", b.dev.name, "error", err)
		}
		if !ok && err == nil || b.closed(err) {
			return events
		}
		if ok {
			events = append(events, e)
		}
	}
}

// FDBEvents returns the notifications of a namespace since the previous call. The first
// call starts recording, and returns none and false.
func (m *Machine) FDBEvents(ns string) (rows []show.Row, recording bool) {
	s := m.spaces[ns]
	if s == nil {
		return nil, false
	}
	rows, recording = slices.Clone(s.journal.rows), s.journal.recording
	s.journal = journal{recording: true}
	return rows, recording
}
