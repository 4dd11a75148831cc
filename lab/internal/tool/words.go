package tool

import (
	"strings"
	"unicode/utf8"
)

// Words takes a line apart at its spaces and tabs. Double quotes group: what stands
// between two of them belongs to one word, also if it is empty. There is no escape and
// nothing else has a meaning.
//
// A line with a quote that is not closed, that is not UTF-8, or has a control character
// other than a tab is refused with a [*NotSupported].
func Words(line string) ([]string, error) {
	if i := strings.IndexFunc(line, unprintable); i >= 0 || !utf8.ValidString(line) {
		return nil, &NotSupported{Line: line, Reason: "not a line of text"}
	}
	var (
		words  []string
		word   strings.Builder
		inside bool // of a word
		quoted bool
	)
	for _, r := range line {
		switch {
		case r == '"':
			inside, quoted = true, !quoted
		case !quoted && (r == ' ' || r == '\t'):
			if inside {
				words = append(words, word.String())
			}
			word.Reset()
			inside = false
		default:
			inside = true
			word.WriteRune(r)
		}
	}
	if quoted {
		return nil, &NotSupported{Line: line, Word: `"`, Reason: "the quote is not closed"}
	}
	if inside {
		words = append(words, word.String())
	}
	return words, nil
}

func unprintable(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }
