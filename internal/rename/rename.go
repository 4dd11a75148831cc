package main

import (
	"bytes"
	"errors"
	"fmt"
	"go/format"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// edit is one file to be written.
type edit struct {
	path string
	data []byte
	mode fs.FileMode
}

// Rename rewrites the module in dir to have the path to and returns how many
// files it changed.
func Rename(dir, to string) (int, error) {
	if err := checkPath(to); err != nil {
		return 0, err
	}
	from, err := modulePath(dir)
	if err != nil {
		return 0, err
	}
	if from == to {
		return 0, fmt.Errorf("the module is %s already", to)
	}
	edits, err := plan(dir, from, to)
	if err != nil {
		return 0, err
	}
	for _, e := range edits {
		if err := os.WriteFile(e.path, e.data, e.mode); err != nil {
			return 0, err
		}
	}
	return len(edits), nil
}

// checkPath refuses what the go command would refuse to fetch.
func checkPath(p string) error {
	valid := regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+$`)
	if !valid.MatchString(p) || strings.HasSuffix(p, ".") {
		return fmt.Errorf("%q is no module path: want a domain and at least one more element, such as github.com/you/switch", p)
	}
	return nil
}

func modulePath(dir string) (string, error) {
	mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(mod)) {
		if fields := strings.Fields(line); len(fields) == 2 && fields[0] == "module" {
			return fields[1], nil
		}
	}
	return "", errors.New("go.mod has no module directive")
}

// plan works out every edit and writes nothing.
func plan(dir, from, to string) ([]edit, error) {
	var edits []edit
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && d.Name() == ".git" {
			return fs.SkipDir
		}
		if !d.Type().IsRegular() {
			return nil
		}
		old, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		data := replace(old, from, to)
		if bytes.Equal(data, old) {
			return nil
		}
		if strings.HasSuffix(path, ".go") {
			if data, err = format.Source(data); err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		edits = append(edits, edit{path, data, info.Mode().Perm()})
		return nil
	})
	return edits, err
}

// replace puts to for from in text, except in files that are not text and where
// from is only a part of a longer path element.
func replace(text []byte, from, to string) []byte {
	if bytes.IndexByte(text, 0) >= 0 {
		return text
	}
	var out []byte
	rest := text
	for {
		at := bytes.Index(rest, []byte(from))
		if at < 0 {
			return append(out, rest...)
		}
		end := at + len(from)
		out = append(out, rest[:at]...)
		before := len(text) - len(rest) + at
		if whole(text[:before], rest[end:]) {
			out = append(out, to...)
		} else {
			out = append(out, from...)
		}
		rest = rest[end:]
	}
}

// whole reports whether what stands between before and after is not part of a
// longer path element. A full stop ends it when a sentence does.
func whole(before, after []byte) bool {
	if n := len(before); n > 0 && element(before[n-1]) {
		return false
	}
	after = bytes.TrimLeft(after, ".")
	return len(after) == 0 || !element(after[0])
}

func element(c byte) bool {
	return c == '-' || c == '_' || c == '~' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
