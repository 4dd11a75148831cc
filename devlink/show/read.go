package show

import (
	"io"
	"iter"
	"strings"

	"github.com/switchcore/switchcore/switchdev"
)

// Read returns the rows that r holds of a section, as devlink(8) prints them in a format;
// a section of 0 is the one that the input says. JSON and Pretty are read alike. It reads
// as it yields, and may be ranged over once.
//
// A row that makes no sense is yielded as a [*ParseError] with the row as far as it
// was understood, and the next one follows; so a program can skip what a newer tool
// prints. What ends the sequence is the end of the input, an error of r, as it is,
// and input that is not JSON, or a line of Text of more than 65535 bytes. Members of a
// row may come in any order, and a place as often as the tool pleases.
//
// Text and Members have no section's name; there the section must be given, as in
//
//	for row, err := range show.Read(os.Stdin, show.Ports, show.Text) { ... } // devlink port show |
//
// Of Text a row is known to be whole when the next one begins, and is yielded then. How
// far in a line begins says what it belongs to; spaces within it may be more than one, and
// lines of spaces are passed over. Text does not have all that JSON has:
//
//   - A value of a parameter that looks like a number, true or false is one; in JSON it
//     may be a string. One that ends with " default " and a word looks like two.
//   - Rates have the three to six digits that the tool prints.
//   - Of a region each line is a [Chunk], of 16 bytes but for the last one.
//   - Messages of flash updates that end as what may follow them lose that to it: with
//     " component " and a word, " done " or " total " and a number.
//   - Values with newlines in them cannot be told from lines; mostly they are errors.
func Read(r io.Reader, s Section, f Format) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		named := f == JSON || f == Pretty
		switch {
		case f > Members || s >= numSections || s == Flashes || s == 0 && !named:
			yield(nil, &switchdev.OpError{Op: "devlink.show", Object: f.String(), Reason: "this is not read", Err: switchdev.ErrUnsupported})
		case f == Text:
			newTextReader(r, yield).listing(s)
		case f == Members:
			newReader(r, yield).lines(s)
		default:
			newReader(r, yield).listing(s)
		}
	}
}

// Parse returns the rows of one member that a line holds, such as
//
//	{"pci/0000:01:00.0":{"reload_failed":true}}
//
// It is what a line of [Members] is. The error is a [*ParseError].
func Parse(s Section, line string) ([]Row, error) {
	var rows []Row
	for r, err := range Read(strings.NewReader(line), s, Members) {
		if err != nil {
			return nil, err
		}
		rows = append(rows, r)
	}
	return rows, nil
}
