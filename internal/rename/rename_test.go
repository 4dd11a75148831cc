package main

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// copyTree copies this module, without what version control keeps, and returns
// the directory of the copy.
func copyTree(t *testing.T) string {
	t.Helper()
	const root = "../.."
	dir := t.TempDir()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && d.Name() == ".git" {
			return fs.SkipDir
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		target := filepath.Join(dir, rel)
		if d.IsDir() {
			return os.MkdirAll(target, 0o777)
		}
		if !d.Type().IsRegular() {
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, data, info.Mode().Perm())
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func goTool(t *testing.T, dir string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath("go")
	if err != nil {
		t.Skip("SKIPPED: no go command to build the renamed module with")
	}
	cmd := exec.Command(path, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// TestRenamedModuleBuilds renames a copy of this module and builds there.
func TestRenamedModuleBuilds(t *testing.T) {
	if testing.Short() {
		t.Skip("builds packages a second time")
	}
	const to = "net.example.org/lab/sw"
	dir := copyTree(t)
	from, err := modulePath(dir)
	if err != nil {
		t.Fatal(err)
	}
	changed, err := Rename(dir, to)
	if err != nil || changed < 2 {
		t.Fatalf("Rename = %d, %v", changed, err)
	}
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if bytes.Contains(data, []byte(from)) {
			t.Errorf("%s still contains %s", path, from)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := goTool(t, dir, "list", "-m"); got != to {
		t.Errorf("go list -m = %s", got)
	}
	goTool(t, dir, "list", "-deps", "./...") // every import is found
	goTool(t, dir, "vet", "./switchdev", "./internal/house")
	if _, err := Rename(dir, to); err == nil {
		t.Error("a second Rename to the same path found nothing wrong")
	}
}

func TestReplaceKeepsLongerPaths(t *testing.T) {
	const from, to = "example.com/a/b", "example.org/c"
	tests := []struct{ in, want string }{
		{"", ""},
		{"example.com/a/b", "example.org/c"},
		{`import "example.com/a/b/fdb"`, `import "example.org/c/fdb"`},
		{"module example.com/a/b\n\ngo 1.26.0\n", "module example.org/c\n\ngo 1.26.0\n"},
		{"[x](https://example.com/a/b/issues).", "[x](https://example.org/c/issues)."},
		{"It is example.com/a/b. Then", "It is example.org/c. Then"},
		{"example.com/a/b@v1 example.com/a/b", "example.org/c@v1 example.org/c"},
		{"example.com/a/bc example.com/a/b-x", "example.com/a/bc example.com/a/b-x"},
		{"example.com/a/b.v2", "example.com/a/b.v2"},
		{"myexample.com/a/b", "myexample.com/a/b"},
		{"binary\x00example.com/a/b", "binary\x00example.com/a/b"},
	}
	for _, tt := range tests {
		if got := string(replace([]byte(tt.in), from, to)); got != tt.want {
			t.Errorf("replace(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestRenameRefusesBadPathsAndChangesNothing(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	write("go.mod", "module example.com/a/b\n")
	write("a.go", "package a\n\nimport _ \"example.com/a/b/x\"\n")
	for _, bad := range []string{"", "switch", "nodots/x", "example.com", "example.com/", "example.com/a b", "-x.com/a", "example.com/a/../b", "example.com/a\"", "example.com/a/b"} {
		if _, err := Rename(dir, bad); err == nil {
			t.Errorf("Rename to %q found nothing wrong", bad)
		}
	}
	write("b.go", "package a\n\nimport _ \"example.com/a/b/x\nfunc {")
	if _, err := Rename(dir, "example.org/c"); err == nil {
		t.Error("Rename found nothing wrong with a file that cannot be formatted")
	}
	if path, err := modulePath(dir); err != nil || path != "example.com/a/b" {
		t.Errorf("after refusals the module is %s, %v", path, err)
	}
	write("b.go", "package a\n")
	if n, err := Rename(dir, "example.org/c"); n != 2 || err != nil {
		t.Errorf("Rename = %d, %v; want 2 files", n, err)
	}
	info, err := os.Stat(filepath.Join(dir, "a.go"))
	if err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("mode after Rename: %v, %v", info.Mode(), err)
	}
}
