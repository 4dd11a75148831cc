package lab

import "strings"

// quirksMark begins the comment that says which quirks a transcript is for.
const quirksMark = "# quirks: "

// Quirks returns the quirks that the transcript is for, as a line "# quirks: LIST" above its
// first command names them, in the words of [ParseQuirks]. Named is false where none does. A
// list that cannot be read is a [*FormatError].
//
// [Test] and the program in examples/lab execute a transcript with the quirks that it names;
// [Verify] and the methods of a [Lab] have those of their [Config].
func (t *Transcript) Quirks() (q Quirks, named bool, err error) {
	above, line := t.Tail, 1
	if len(t.Steps) > 0 {
		above, line = t.Steps[0].Before, t.Steps[0].Line-len(t.Steps[0].Before)
	} else if t.Title != "" {
		line += 1 + len(t.Notes)
	}
	for i, text := range above {
		list, ok := strings.CutPrefix(text, quirksMark)
		if !ok {
			continue
		}
		if q, err = ParseQuirks(strings.TrimSpace(list)); err != nil {
			return 0, false, &FormatError{line + i, err.Error()}
		}
		return q, true, nil
	}
	return 0, false, nil
}

// as is a configuration with the quirks that a transcript names.
func (c Config) as(t *Transcript) (Config, error) {
	q, named, err := t.Quirks()
	if named {
		c.Quirks = q
	}
	return c, err
}
