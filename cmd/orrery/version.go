package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

var versionCommand = command{
	name:    "version",
	short:   "print the version of Orrery and of the Kubernetes it models",
	example: "orrery version",
	run:     version,
}

// kubernetes is the release whose behaviour is modeled.
const kubernetes = "v1.35"

func version(c *console, _ *options, args []string) int {
	if len(args) > 0 {
		return c.wrong("version", fmt.Errorf("version takes no arguments, got %q", args[0]))
	}
	own := "(devel)"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		own = info.Main.Version
	}
	fmt.Fprintf(c.out, "orrery %s\nmodels Kubernetes %s\n%s %s/%s\n", own, kubernetes, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return exitHeld
}
