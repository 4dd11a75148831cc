package jsonread

import "strings"

// Fault says where and why an input was refused. The parse errors of readers have the
// same fields, so that one is made of the other by a conversion.
type Fault struct {
	// Line and Column count from 1, the column in bytes.
	Line, Column int
	// What is the key of the member, or "row" or "json".
	What string
	// Input is the text that was refused, shortened if it is long.
	Input string
	// Reason says what is wrong with it.
	Reason string
}

// Shorten keeps an error readable: of a long text it returns the beginning.
func Shorten(s string) string {
	const most = 64
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}

// Names keeps one copy of every name, of which there are few in many rows.
type Names map[string]string

// Of returns a name that is equal to s, which is part of nothing larger.
func (n Names) Of(s string) string {
	kept, ok := n[s]
	if !ok {
		kept = strings.Clone(s)
		if len(n) < 4096 {
			n[kept] = kept
		}
	}
	return kept
}
