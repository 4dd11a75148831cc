package show

import (
	"strconv"

	"github.com/switchcore/switchcore/switchdev"
)

// source is what a form reads from: JSON, or text. The readers of values are told of
// which member, and take the whole value, whatever it is.
type source interface {
	// broken reports whether nothing can be read any more, and end returns why; sound
	// whether the row has been as it should be until now. result returns what was wrong
	// with it, and forgets that.
	broken() bool
	sound() bool
	result() error
	end() error
	// refuse says that what was taken last is not what was wanted, refuseAt that something
	// else is not.
	refuse(what, input, reason string)
	refuseAt(at place, what, input, reason string)
	// where is the place of what was taken last.
	where() place

	// open begins an object; false if there is none. next returns its next key, until ok
	// is false, and it is over.
	open(key string) bool
	next() (key string, ok bool)
	// pass passes over a value, drop over the object that was opened.
	pass()
	drop()

	// array calls a function for each element of an array, which takes it; arrayOr does
	// that or takes the word. entries is for an object with any keys.
	array(key string, each func())
	arrayOr(key, word string, each func())
	entries(key string, each func(key string))

	name(key string) string
	word(key string) string
	line(key string) string
	choice(key string, words []string) string
	bool(key string) bool
	number(key string, bits int, limitless bool) Number
	signed(key string) int32
	rate(key string) Number
	scalar(key string) Scalar
}

// place is a line and a column, from 1 on.
type place struct{ line, column int }

// ParseError says where and why an input was refused. It is
// [switchdev.ErrInvalid] to errors.Is. The row that it is about is lost.
type ParseError struct {
	// Line and Column count from 1, the column in bytes.
	Line, Column int
	// What is the key of the member, or "row", or "json" or "text" for the input itself.
	What string
	// Input is the text that was refused, shortened if it is long.
	Input string
	// Reason says what is wrong with it.
	Reason string
}

// Error returns a text such as
//
//	line 1, column 47: lanes "x": want a number of 32 bits
func (e *ParseError) Error() string {
	return "line " + strconv.Itoa(e.Line) + ", column " + strconv.Itoa(e.Column) + ": " + e.What + " " + strconv.Quote(e.Input) + ": " + e.Reason
}

// Unwrap returns [switchdev.ErrInvalid].
func (e *ParseError) Unwrap() error { return switchdev.ErrInvalid }
