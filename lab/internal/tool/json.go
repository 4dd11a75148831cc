package tool

import "strings"

// quote returns a string as the tools' JSON writer has it (lib/json_writer.c, jsonw_puts).
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		if c := s[i]; c == '"' || c == '\\' {
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	b.WriteByte('"')
	return b.String()
}

// list returns an array of strings.
func list(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = quote(w)
	}
	return "[" + strings.Join(quoted, ",") + "]"
}

func join(words []string) string { return strings.Join(words, ",") }
