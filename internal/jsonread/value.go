package jsonread

import "encoding/json"

// Delim takes a bracket that must be there.
func (d *Reader) Delim(want json.Delim) bool {
	if t := d.Token(); d.err == nil && t != want {
		d.Abort("json", Literal(t), "want "+want.String())
	}
	return d.err == nil
}

// Enter takes the bracket with which the value of a member begins, or the whole value if
// that is another one, which is refused.
func (d *Reader) Enter(key string, want json.Delim) bool {
	t := d.Token()
	if d.err == nil && t != want {
		d.Refuse(key, Literal(t), "want "+want.String())
		d.Skip(t)
		return false
	}
	return d.err == nil
}

// Key returns the next key of the object that is open, which ends if there is none.
func (d *Reader) Key() (key string, ok bool) {
	if d.More() {
		key, _ = d.Token().(string)
		return d.Names.Of(key), d.err == nil
	}
	d.Delim('}')
	return "", false
}

// Object calls a function for each key of an object, which takes its value.
func (d *Reader) Object(what string, each func(key string)) {
	if !d.Enter(what, '{') {
		return
	}
	for key, ok := d.Key(); ok; key, ok = d.Key() {
		each(key)
	}
}

// Array calls a function for each element of an array, which takes it.
func (d *Reader) Array(key string, each func()) {
	if !d.Enter(key, '[') {
		return
	}
	for d.More() {
		each()
	}
	d.Delim(']')
}

// String takes a value, which is refused if it is no string.
func (d *Reader) String(key string) (s string, ok bool) {
	t := d.Token()
	if s, ok = t.(string); !ok && d.err == nil {
		d.Refuse(key, Literal(t), "want a string")
		d.Skip(t)
	}
	return s, ok
}

// Name is String for a name, of which it keeps one copy. What valid denies is refused.
func (d *Reader) Name(key string, valid func(string) bool) string {
	s, ok := d.String(key)
	if ok && !valid(s) {
		d.Refuse(key, s, "not a name")
		return ""
	}
	return d.Names.Of(s)
}

// Bool takes a value, which is refused if it is not true or false.
func (d *Reader) Bool(key string) bool {
	t := d.Token()
	v, ok := t.(bool)
	if !ok && d.err == nil {
		d.Refuse(key, Literal(t), "want true or false")
		d.Skip(t)
	}
	return v
}
