package main

import (
	"fmt"

	"github.com/spf13/pflag"

	"orrery/model"
	"orrery/report"
	"orrery/sim"
)

var getCommand = command{
	name:  "get",
	args:  "FILE|NAME [FLAGS]",
	short: "print the pods as kubectl would, at the end or at some moment",
	example: `orrery get crash-loop --at 12m
orrery get node-loss                  # at the end`,
	flags: func(f *pflag.FlagSet, o *options) {
		momentFlags(f, o, "them")
	},
	run: get,
}

func get(c *console, o *options, args []string) int {
	if len(args) != 1 {
		return c.wrong("get", fmt.Errorf("get takes a scenario, got %s", model.Counted(int64(len(args)), "argument")))
	}
	s, err := c.load(args[0], o)
	if err != nil {
		return c.wrong("get", err)
	}
	if s.Config.Duration, _, err = o.moments(s.Config.Duration); err != nil {
		return c.wrong("get", err)
	}
	r, err := c.live(s)
	if err != nil {
		return c.wrong("get", err)
	}
	if r.stop != nil {
		fmt.Fprintln(c.err, c.stopped(r))
		return r.code()
	}
	if err := report.Pods(c.out, r.cluster.Store.History(), sim.Time(s.Config.Duration), ""); err != nil {
		return c.wrong("get", err)
	}
	return exitHeld
}
