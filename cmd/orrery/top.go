package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/pflag"

	"orrery/model"
	"orrery/model/cluster"
	"orrery/report"
	"orrery/scenarios/strict"
	"orrery/sim"
)

var topCommand = command{
	name:  "top",
	args:  "FILE|NAME [pods|POD|nodes|NODE] [FLAGS]",
	short: "print what pods or nodes use as kubectl would, at the end or at some moments",
	example: `orrery top noisy-neighbor --at 12m
orrery top zone.yaml shop/pod/web-7d4b9c-x8k2p --every 1m    # what it uses, over time
orrery top noisy-neighbor --containers                       # at the end
orrery top noisy-neighbor nodes --every 5m                   # also what they use besides pods
orrery top noisy-neighbor node/n-1 --every 5m                # of one`,
	flags: func(f *pflag.FlagSet, o *options) {
		momentFlags(f, o, "it")
		f.StringVar(&o.every, "every", "", "print it also at this interval before that moment, such as 1m; at least 1s")
		f.BoolVar(&o.containers, "containers", false, "one line for each container")
	},
	run: top,
}

func top(c *console, o *options, args []string) int {
	if len(args) != 1 && len(args) != 2 {
		return c.wrong("top", fmt.Errorf("top takes a scenario and perhaps pods, a pod, nodes or a node, got %s", model.Counted(int64(len(args)), "argument")))
	}
	s, err := c.load(args[0], o)
	if err != nil {
		return c.wrong("top", err)
	}
	u := report.Usage{Containers: o.containers, Times: o.every != ""}
	if len(args) == 2 {
		if err := topOf(&u, args[1]); err != nil {
			return c.wrong("top", err)
		}
	}
	if u.Nodes {
		u.Hollow = s.Config.Hollow
		s.Config.TellUsage = []model.UsageOf{{Kind: model.KindNode}}
	}
	until, every, err := o.moments(s.Config.Duration)
	if err != nil {
		return c.wrong("top", err)
	}
	s.Config.Duration = until
	look := func(x *cluster.Cluster) { u.Look(x.Kernel.Now(), x.Store.History(), x) }
	r, err := c.looking(s, every, look)
	if err != nil {
		return c.wrong("top", err)
	}
	if r.stop != nil {
		fmt.Fprintln(c.err, c.stopped(r))
		return r.code()
	}
	if u.Path != "" { // of an object that there is not it says so, and what may have been meant
		if err := report.Explain(io.Discard, r.cluster.Store.History(), args[1]); err != nil {
			return c.wrong("top", fmt.Errorf("until %v: %w", sim.Time(until), err))
		}
	}
	if err := u.WriteText(c.out); err != nil {
		return c.wrong("top", err)
	}
	return exitHeld
}

// topOf says whose usage is printed: of all pods or of one, of all nodes or of one.
func topOf(u *report.Usage, what string) error {
	kind, namespace, name, ok := report.ParseObject(what)
	switch {
	case what == "pods" || what == "pod":
	case what == "nodes" || what == "node":
		u.Nodes = true
	case ok && kind == model.KindNode:
		u.Nodes = true
		u.Path = (&model.Meta{Kind: kind, Name: name}).Path()
	case ok && kind == model.KindPod:
		u.Path = podPath(namespace, name)
	default:
		return fmt.Errorf("write pods, pod/web-1, shop/pod/web-1, nodes or node/n-1, not %s", strict.Quote(what))
	}
	if u.Nodes && u.Containers {
		return errors.New("--containers is about pods; nodes have none")
	}
	return nil
}
