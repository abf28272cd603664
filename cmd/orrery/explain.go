package main

import (
	"fmt"

	"github.com/spf13/pflag"

	"orrery/model"
	"orrery/report"
)

var explainCommand = command{
	name:  "explain",
	args:  "FILE|NAME OBJECT [FLAGS]",
	short: "tell one object's story, or why the scheduler decided as it did",
	example: `orrery explain node-loss deployment/web
orrery explain zone.yaml node/web-3
orrery explain zone.yaml shop/pod/web-7d4b9c-x8k2p
orrery explain zone.yaml pod/web-7d4b9c-x8k2p --at 12m    # the last decision about it by then`,
	flags: func(f *pflag.FlagSet, o *options) {
		modelFlags(f, o)
		f.StringVar(&o.at, "at", "", "print the scheduler's last decision about the pod until then: scores, refusals, what would have to change")
	},
	run: explain,
}

func explain(c *console, o *options, args []string) int {
	if len(args) != 2 {
		return c.wrong("explain", fmt.Errorf("explain takes a scenario and an object such as pod/web-1, got %s", model.Counted(int64(len(args)), "argument")))
	}
	s, err := c.load(args[0], o)
	if err != nil {
		return c.wrong("explain", err)
	}
	if o.at != "" {
		return c.explainDecision(s, args[1], o)
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
