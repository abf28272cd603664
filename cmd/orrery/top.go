package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/pflag"

	"orrery/model"
	"orrery/model/cluster"
	"orrery/report"
	"orrery/scenarios/strict"
	"orrery/sim"
)

var topCommand = command{
	name:  "top",
	args:  "FILE|NAME [POD] [FLAGS]",
	short: "print what pods use as kubectl would, at the end or at some moments",
	example: `orrery top noisy-neighbor --at 12m
orrery top zone.yaml shop/pod/web-7d4b9c-x8k2p --every 1m    # what it uses, over time
orrery top noisy-neighbor --containers                       # at the end`,
	flags: func(f *pflag.FlagSet, o *options) {
		modelFlags(f, o)
		f.StringVar(&o.at, "at", "", "print it at this moment of the run instead of its end")
		f.StringVar(&o.every, "every", "", "print it so often until then, too")
		f.BoolVar(&o.containers, "containers", false, "print it of each container")
	},
	run: top,
}

func top(c *console, o *options, args []string) int {
	if len(args) != 1 && len(args) != 2 {
		return c.wrong("top", fmt.Errorf("top takes a scenario and perhaps a pod, got %s", count(len(args), "argument")))
	}
	s, err := c.load(args[0], o)
	if err != nil {
		return c.wrong("top", err)
	}
	u := report.Usage{Containers: o.containers, Times: o.every != ""}
	if len(args) == 2 {
		kind, namespace, name, ok := report.ParseObject(args[1])
		if !ok || kind != model.KindPod {
			return c.wrong("top", fmt.Errorf("a pod is pod/web-1 or shop/pod/web-1, not %s", strict.Quote(args[1])))
		}
		u.Path = podPath(namespace, name)
	}
	until, every, err := o.moments(s.Config.Duration)
	if err != nil {
		return c.wrong("top", err)
	}
	s.Config.Duration = until
	look := func(x *cluster.Cluster) { u.Look(x.Kernel.Now(), x.Store.History(), x.Usage) }
	r, err := c.looking(s, every, look)
	if err != nil {
		return c.wrong("top", err)
	}
	if r.stop != nil {
		fmt.Fprintln(c.err, c.stopped(r))
		return r.code()
	}
	if u.Path != "" {
		if err := report.Explain(io.Discard, r.cluster.Store.History(), args[1]); err != nil {
			return c.wrong("top", fmt.Errorf("until %v: %w", sim.Time(until), err))
		}
	}
	if err := u.WriteText(c.out); err != nil {
		return c.wrong("top", err)
	}
	return exitHeld
}

// moments is what --at and --every say: how long a run goes on, and how often it is looked
// at before that, 0 if it is not.
func (o *options) moments(whole time.Duration) (until, every time.Duration, err error) {
	until = whole
	if o.at != "" {
		if until, err = strict.ParseDuration(o.at); err != nil {
			return 0, 0, fmt.Errorf("--at: %w", err)
		}
		if until > whole {
			return 0, 0, fmt.Errorf("--at %v is after the end of the run, %v", sim.Time(until), sim.Time(whole))
		}
	}
	if o.every != "" {
		if every, err = strict.ParseDuration(o.every); err != nil {
			return 0, 0, fmt.Errorf("--every: %w", err)
		}
		if every < time.Second {
			return 0, 0, errors.New("--every is less than a second")
		}
	}
	return until, every, nil
}
