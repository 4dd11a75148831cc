package machine

import (
	"slices"

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
		for {
			e, ok, err := b.sub.TryNext()
			if err != nil && m.cfg.Logger != nil {
				m.cfg.Logger.Warn("notifications lost", "bridge", b.dev.name, "error", err)
			}
			if !ok && err == nil || b.closed(err) {
				break
			}
			if row, told := view.FromEvent(e); ok && told {
				b.dev.space.journal.write(row)
			}
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
