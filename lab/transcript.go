package lab

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// Transcript is a scenario: commands and what each of them printed.
//
// The file format is text. A line "# text" is a comment; the first line of a file
// is its title, and the lines "# note: text" right below it say what is surprising
// about it. A line "$ command" is a command, and the lines below it, up to one that
// is blank or begins with "#" or "$", are its whole output: standard output, then
// standard error with "! " before each line. Blank lines mean nothing else.
//
// The zero value is an empty transcript. Transcripts are values of their readers: no
// method changes one, and several goroutines may use one that nobody changes.
type Transcript struct {
	Title string   // of the first line; "" if that is no comment
	Notes []string // below it
	Steps []Step
	Tail  []string // the comments and blank lines below the last step, as they are

	crlf bool // lines end as on Windows
	open bool // the last line has no end
}

// Step is one command of a [Transcript].
type Step struct {
	Line    int      // of the command in its file, from 1; 0 if it comes from no file
	Before  []string // the comments and blank lines above it, as they are; title and notes are not among them
	Command string   // without "$ "
	Output  []string // line by line
}

// FormatError says which line of a transcript cannot be read, and why.
type FormatError struct {
	Line   int // from 1
	Reason string
}

// Error implements error.
func (e *FormatError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Reason) }

const (
	commandMark = "$ "
	commentMark = "# "
	noteMark    = "# note: "
)

// maxLine is the longest line of a transcript, in bytes.
const maxLine = 1 << 20

// Parse reads a transcript. What is no transcript is refused with a [*FormatError],
// and errors of r are returned as they are. [Transcript.WriteTo] gives back what was
// read, byte for byte.
func Parse(r io.Reader) (*Transcript, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	t := &Transcript{
		crlf: bytes.Contains(text, []byte("\r\n")) && bytes.Count(text, []byte("\n")) == bytes.Count(text, []byte("\r\n")),
		open: len(text) > 0 && text[len(text)-1] != '\n',
	}
	p := parser{t: t}
	for line := range strings.Lines(string(text)) {
		if err := p.take(strings.TrimSuffix(line, t.end())); err != nil {
			return nil, err
		}
	}
	t.Tail = p.before
	return t, nil
}

// parser is the state between two lines.
type parser struct {
	t      *Transcript
	line   int
	before []string // comments and blank lines since the last step
}

func (p *parser) take(line string) error {
	p.line++
	t := p.t
	command, isCommand := strings.CutPrefix(line, commandMark)
	switch {
	case len(line) > maxLine:
		return p.fail("longer than %d bytes", maxLine)
	case p.line == 1 && len(line) > len(commentMark) && strings.HasPrefix(line, commentMark):
		t.Title = line[len(commentMark):]
	case p.line == len(t.Notes)+2 && t.Title != "" && strings.HasPrefix(line, noteMark):
		t.Notes = append(t.Notes, line[len(noteMark):])
	case isBlank(line), line[0] == '#':
		p.before = append(p.before, line)
	case isCommand && !isBlank(command):
		t.Steps = append(t.Steps, Step{Line: p.line, Before: p.before, Command: command})
		p.before = nil
	case line[0] == '$':
		return p.fail("a command is %q and words", commandMark)
	case len(t.Steps) == 0 || p.before != nil:
		return p.fail("%q is output, but no command is right above it", line)
	default:
		s := &t.Steps[len(t.Steps)-1]
		s.Output = append(s.Output, line)
	}
	return nil
}

func (p *parser) fail(format string, args ...any) error {
	return &FormatError{p.line, fmt.Sprintf(format, args...)}
}

// end is what lines end in.
func (t *Transcript) end() string {
	if t.crlf {
		return "\r\n"
	}
	return "\n"
}

func isBlank(line string) bool { return strings.TrimSpace(line) == "" }

// WriteTo writes the transcript in the form that [Parse] reads, and returns how
// many bytes it wrote and the first error of w.
func (t *Transcript) WriteTo(w io.Writer) (int64, error) {
	var buf bytes.Buffer
	end := t.end()
	put := func(mark string, lines ...string) {
		for _, line := range lines {
			buf.WriteString(mark)
			buf.WriteString(line)
			buf.WriteString(end)
		}
	}
	if t.Title != "" {
		put(commentMark, t.Title)
	}
	put(noteMark, t.Notes...)
	for _, s := range t.Steps {
		put("", s.Before...)
		put(commandMark, s.Command)
		put("", s.Output...)
	}
	put("", t.Tail...)
	if t.open {
		buf.Truncate(max(0, buf.Len()-len(end)))
	}
	return buf.WriteTo(w)
}

// String is the transcript as [Transcript.WriteTo] writes it.
func (t *Transcript) String() string {
	var b strings.Builder
	t.WriteTo(&b)
	return b.String()
}
