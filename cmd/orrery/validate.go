package main

import (
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"orrery/model"
	"orrery/report"
)

var validateCommand = command{
	name:  "validate",
	args:  "FILES|NAMES [FLAGS]",
	short: "read scenarios and say everything that is wrong with them",
	example: `orrery validate zone.yaml
orrery validate ./outages/...`,
	flags: func(f *pflag.FlagSet, o *options) {
		f.StringVar(&o.root, "root", "", "folder that manifests, snapshots and traces may come from (default: the scenario's own)")
	},
	run: validate,
}

func validate(c *console, o *options, args []string) int {
	if len(args) == 0 {
		return c.wrong("validate", fmt.Errorf("validate takes at least one scenario"))
	}
	names, err := find(args)
	if err != nil {
		return c.wrong("validate", err)
	}
	if len(names) == 0 {
		return c.wrong("validate", fmt.Errorf("no scenario below %s", strings.Join(args, ", ")))
	}
	code := exitHeld
	for _, name := range names {
		s, err := c.load(name, o)
		if err != nil {
			fmt.Fprintln(c.err, err)
			code = exitUsage
			continue
		}
		c.notes(s.Notes)
		fmt.Fprintf(c.out, "ok    %s: %s, %s, %s, %s, %s over %s\n", report.Escape(s.Config.Name),
			model.Counted(int64(len(s.Config.Nodes)), "node"), model.Counted(int64(len(s.Config.Objects)), "object"), model.Counted(int64(len(s.Config.Faults)), "fault"),
			model.Counted(int64(len(s.Config.Actions)), "action"), model.Counted(int64(len(s.Expect)), "expectation"), s.Config.Duration)
	}
	return code
}
