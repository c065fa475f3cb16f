// Command floodgate is the one binary a person runs.
package main

import (
	"os"

	"floodgate.internal/cmd/floodgate/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr)) }
