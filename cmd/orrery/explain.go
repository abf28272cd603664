package main

import (
	"fmt"

	"orrery/report"
)

var explainCommand = command{
	name:  "explain",
	args:  "FILE|NAME OBJECT [FLAGS]",
	short: "tell one object's story: every change and note about it",
	example: `orrery explain node-loss deployment/web
orrery explain zone.yaml node/web-3
orrery explain zone.yaml shop/pod/web-7d4b9c-x8k2p`,
	flags: modelFlags,
	run:   explain,
}

func explain(c *console, o *options, args []string) int {
	if len(args) != 2 {
		return c.wrong("explain", fmt.Errorf("explain takes a scenario and an object such as pod/web-1, got %s", count(len(args), "argument")))
	}
	s, err := c.load(args[0], o)
	if err != nil {
		return c.wrong("explain", err)
	}
	r, err := c.simulate(s, "")
	if err != nil {
		return c.wrong("explain", err)
	}
	if err := report.Explain(c.out, r.cluster.Store.History(), args[1]); err != nil {
		return c.wrong("explain", err)
	}
	if r.stop != nil {
		fmt.Fprintln(c.err, r.stop)
		return r.code()
	}
	return exitHeld
}
