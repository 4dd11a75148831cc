package show

import (
	"fmt"
	"io"
	"iter"

	"github.com/switchcore/switchcore/switchdev"
)

// ParseError says where and why an input was refused. It is
// [switchdev.ErrInvalid] to errors.Is. The row that it is about is skipped.
type ParseError struct {
	// Line and Column count from 1, the column in bytes.
	Line, Column int
	// What is the field, in the word or the key of the tool, or "row" or "json".
	What string
	// Input is the text that was refused, shortened if it is long.
	Input string
	// Reason says what is wrong with it.
	Reason string
}

// Error returns a text such as
//
//	line 3, column 23: vlan "0": want 1 to 4094
func (e *ParseError) Error() string {
	return fmt.Sprintf("line %d, column %d: %s %q: %s", e.Line, e.Column, e.What, e.Input, e.Reason)
}

// Unwrap returns [switchdev.ErrInvalid].
func (e *ParseError) Unwrap() error { return switchdev.ErrInvalid }

// Read returns the rows that r holds in a format; JSON and Pretty are read alike.
// It reads as it yields, and may be ranged over once.
//
// A row that makes no sense is yielded as a [*ParseError] with the row as far as it
// was understood, and the next one follows; so a program can skip what a newer tool
// prints. What ends the sequence is the end of the input, an error of r, as it is,
// and input that is not JSON.
//
// Text may have more than one space between words and lack the one at the end of
// a line; empty lines are skipped. JSON may have its members in any order.
func Read(r io.Reader, f Format) iter.Seq2[Row, error] {
	if f == Text {
		return readText(r)
	}
	return readJSON(r)
}

// Parse returns the row that a line of text holds, as [Read] understands it.
func Parse(line string) (Row, error) {
	p := lineParser{line: line, number: 1}
	r := p.row()
	if p.err != nil {
		return r, p.err
	}
	return r, nil
}

// UnmarshalText sets the row to that of a line of text, or leaves it as it is and
// returns a [*ParseError].
func (r *Row) UnmarshalText(text []byte) error {
	row, err := Parse(string(text))
	if err == nil {
		*r = row
	}
	return err
}
