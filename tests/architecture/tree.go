package architecture

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"slices"
)

// Packages lists those of every module of the workspace at root (the folder of
// go.work).
func Packages(ctx context.Context, root string) ([]Package, error) {
	return goJSON[Package](ctx, root, "list", "-json=ImportPath,Name,Imports", "work")
}

// goJSON runs the go command in dir, with that workspace whatever GOWORK says,
// and reads the stream of JSON values it prints.
func goJSON[T any](ctx context.Context, dir string, args ...string) ([]T, error) {
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir, cmd.Stderr = dir, &stderr
	cmd.Env = append(cmd.Environ(), "GOWORK=")
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w\n%s", args[0], err, stderr.String())
	}
	var values []T
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var value T
		switch err := decoder.Decode(&value); {
		case errors.Is(err, io.EOF):
			return values, nil
		case err != nil:
			return nil, fmt.Errorf("output of go %s: %w", args[0], err)
		}
		values = append(values, value)
	}
}

// Tree is a set of files by their slash-separated path below the root. Those
// named main.go have their content, the others "".
type Tree map[string]string

// Files reads the tree below root, without caches and what others wrote.
//
// The path may be unclean, and is handed on as it is: the go command takes what
// a test opens for its input, and so runs it again after a change, only where
// the name begins with the folder of the test's own module. A root of
// "<module>/.." makes the whole repository an input.
func Files(root string) (Tree, error) {
	tree := Tree{}
	return tree, tree.add(root, "")
}

func (t Tree) add(root, below string) error {
	skipped := []string{".git", ".cache", ".floodgate", "node_modules", "third_party"}
	entries, err := os.ReadDir(root + "/" + below)
	if err != nil {
		return fmt.Errorf("reading the tree: %w", err)
	}
	for _, entry := range entries {
		name := path.Join(below, entry.Name())
		switch {
		case entry.IsDir() && slices.Contains(skipped, entry.Name()):
		case entry.IsDir():
			if err := t.add(root, name); err != nil {
				return err
			}
		case entry.Name() == "main.go":
			content, err := os.ReadFile(root + "/" + name)
			if err != nil {
				return fmt.Errorf("reading the tree: %w", err)
			}
			t[name] = string(content)
		default:
			t[name] = ""
		}
	}
	return nil
}
