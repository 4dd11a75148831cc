// Package tool is what reads the commands of the lab's language and prints what they
// print: iproute2's bridge and ip as far as the language has them, and the lab's own
// verbs.
//
//	shell := tool.New(m) // over a *machine.Machine
//	out, err := shell.Exec("bridge -j fdb show br br0")
//	var not *tool.NotSupported
//	if errors.As(err, &not) {
//		// not in the language; nothing was done
//	}
//
// The package has the rules of the tools, the machine those of the kernel. Which words
// make which message, which mistakes a tool finds by itself, in which order and how it
// says so: that is here. What a message does and why it is refused is not.
//
// A line goes through three stages. [Words] takes it apart. Its command is looked up in
// a table, whose rows have the path, the usage, the help and the parser; the parser
// makes a value that says what to do, or what the tool says instead. Only then anything
// is done, so a line that is not in the language changes nothing.
//
// # Concurrency
//
// A Shell is used by one goroutine at a time, as its machine is. It starts none.
//
// # Errors
//
// What a tool prints, also about mistakes and refusals, is output: a line of standard
// error has "! " before it. An error is a [*NotSupported] for a line outside the
// language, or what the machine answered that is no refusal of a kernel.
//
// # Differences from Linux
//
//   - The texts and rules are those of iproute2 6.1; tests compare them with the
//     installed tool. Where a tool answers with its usage, the line is not in the
//     language, and so are words for what the lab does not have.
//   - Rows are sorted and JSON is one object a line, as in the transcripts.
package tool
