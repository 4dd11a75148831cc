package tool

import (
	"fmt"
	"strings"

	"github.com/switchcore/switchcore/lab/internal/machine"
)

// options are the words before the object, such as -j.
type options struct {
	ns            string
	inNS          bool // -n was given
	json          bool
	stats, detail bool
}

// args are the words of a command after its path, and what parsing found so far. Its
// first error stays, and ends the words.
type args struct {
	options
	words []string
	needs []need
	err   error
}

// need is a thing that has to be there when a tool gets to it. A tool looks names up
// while it reads its words, so needs and mistakes come in the order of the words.
type need struct {
	namespace bool // else a device in ns
	ns, name  string
	text      string // what the tool says if it is not
}

func (n need) met(m *machine.Machine) bool {
	if n.namespace {
		return m.HasNS(n.name) && n.name != ""
	}
	_, ok := m.Link(n.ns, n.name)
	return ok
}

// device needs a device. The format has one %s.
func (a *args) device(name, format string) {
	if a.err == nil {
		a.needs = append(a.needs, need{ns: a.ns, name: name, text: strings.TrimRight(fmt.Sprintf(format, name), " \t")})
	}
}

func (a *args) namespace(name, format string) {
	if a.err == nil {
		a.needs = append(a.needs, need{namespace: true, name: name, text: strings.TrimRight(fmt.Sprintf(format, name), " \t")})
	}
}

// more reports whether there is another word to look at.
func (a *args) more() bool { return a.err == nil && len(a.words) > 0 }

// next takes a word, of which there must be one.
func (a *args) next() string {
	w := a.words[0]
	a.words = a.words[1:]
	return w
}

// value takes the word that has to follow the one before it.
func (a *args) value() string {
	if a.err != nil {
		return ""
	}
	if len(a.words) == 0 {
		a.fail(`Command line is not complete. Try option "help"`)
		return ""
	}
	return a.next()
}

// fail is a mistake that the tool tells of.
func (a *args) fail(format string, values ...any) {
	if a.err == nil {
		a.err = mistake(strings.TrimRight(fmt.Sprintf(format, values...), " \t"))
	}
}

// outside says that a word is not in the language.
func (a *args) outside(word, reason string) {
	if a.err == nil {
		a.err = &NotSupported{Word: word, Reason: reason}
	}
}

// usage says so of a word that the tool answers with its usage.
func (a *args) usage(word string) { a.outside(word, "not a word of this command") }

// invalid is the tool's text for a value that is wrong (lib/utils.c, invarg).
func (a *args) invalid(text, word string) { a.fail(`Error: argument "%s" is wrong: %s`, word, text) }

// second is its text for a word that was given before (duparg).
func (a *args) second(key, word string) {
	a.fail(`Error: duplicate "%s": "%s" is the second value.`, key, word)
}

// garbage is its text for a word that it takes for a second value of key (duparg2).
func (a *args) garbage(key, word string) {
	a.fail(`Error: either "%s" is duplicate, or "%s" is a garbage.`, key, word)
}

// matches reports whether word is short for the whole, as iproute2 has it: any
// beginning is that is not empty (lib/utils.c, matches).
func matches(word, whole string) bool { return word != "" && strings.HasPrefix(whole, word) }

// given is a word that may be missing. The zero value is missing.
type given struct {
	text string
	ok   bool
}

// take takes the word that has to follow.
func (g *given) take(a *args) { g.text, g.ok = a.value(), true }

// keyword is a word that a command takes in any place.
type keyword[T any] struct {
	name string
	full bool // it has no abbreviations
	set  func(a *args, v *T)
}

// find returns the first keyword that a word is, or is short for.
func find[T any](table []keyword[T], word string) func(*args, *T) {
	for _, k := range table {
		if word == k.name || !k.full && matches(word, k.name) {
			return k.set
		}
	}
	return nil
}

// scan takes all words: keywords as the table says, others as other does.
func scan[T any](a *args, v *T, table []keyword[T], other func(a *args, v *T, word string)) {
	for a.more() {
		word := a.next()
		if set := find(table, word); set != nil {
			set(a, v)
		} else {
			other(a, v, word)
		}
	}
}

// skip is for words that a tool passes over.
func skip[T any](*args, *T, string) {}
