// Package jsonread reads the JSON that tools print, token by token, for readers that say
// in which line and column something is wrong and go on with the next row. What a row is,
// and which members it has, is known to whoever reads.
//
//	in := jsonread.New(r)
//	in.Delim('[')
//	for in.More() {
//		in.Object("row", func(key string) { ... in.String(key) ... })
//		if fault := in.Result(); fault != nil { ... } // of this row; the next one follows
//	}
//	in.Delim(']')
//	if in.Rest(); in.Broken() { return in.End() }
//
// # Concurrency
//
// A [Reader] is used by one goroutine at a time. Nothing here starts goroutines, or waits
// but for the io.Reader.
//
// # Errors
//
// There are two kinds. What is refused with [Reader.Refuse] loses the row, and the first
// refusal in a row stays. After what breaks the input, which is what is no JSON, what was
// refused with [Reader.Abort], and an error of the io.Reader, nothing is read any more.
package jsonread
