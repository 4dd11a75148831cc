// Rename gives this module another path:
//
//	go run ./internal/rename NEW/PATH
//
// It is run at the root. It rewrites the module path wherever it stands: in the
// go.mod of the root and of nested modules, in imports, in documentation and in
// scripts, and formats the Go files that it changes, because the order of
// imports follows their paths. Package names stay as they are. Nothing is
// written unless every file could be read and formatted.
package main

import (
	"fmt"
	"os"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: go run ./internal/rename NEW/PATH")
		os.Exit(2)
	}
	changed, err := Rename(".", os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "rename:", err)
		os.Exit(1)
	}
	fmt.Printf("%d files rewritten\n", changed)
}
