package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/pflag"

	"orrery/report"
)

var runCommand = command{
	name:  "run",
	args:  "FILE|NAME [FLAGS]",
	short: "run a scenario and print what came of it",
	example: `orrery run node-loss
orrery run zone.yaml --seed 7 --history zone.ndjson
orrery run zone.yaml -o json | jq .expect
orrery run shop.yaml --root ..`,
	flags: func(f *pflag.FlagSet, o *options) {
		modelFlags(f, o)
		f.StringVar(&o.history, "history", "", "write every change and note to this file, one JSON object a line")
		f.StringVarP(&o.output, "output", "o", "text", "text or json")
	},
	run: runScenario,
}

func runScenario(c *console, o *options, args []string) int {
	if len(args) != 1 {
		return c.wrong("run", fmt.Errorf("run takes one scenario, a file or a name, got %d", len(args)))
	}
	if o.output != "text" && o.output != "json" {
		return c.wrong("run", fmt.Errorf("--output is text or json, not %q", o.output))
	}
	s, err := c.load(args[0], o)
	if err != nil {
		return c.wrong("run", err)
	}
	if dir := filepath.Dir(o.history); o.history != "" {
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			return c.wrong("run", fmt.Errorf("--history: there is no folder %q to write to", dir))
		}
	}
	c.notes(s.Notes)
	started := time.Now()
	r, err := c.simulate(s, reproduce(args[0], o, s.Config.Seed))
	if err != nil {
		return c.wrong("run", err)
	}
	if o.history != "" {
		if err := writeAside(o.history, func(w io.Writer) error { return report.WriteHistory(w, r.cluster.Store.History()) }); err != nil {
			return c.wrong("run", err)
		}
	}
	if o.output == "json" {
		err = r.report.WriteJSON(c.out)
	} else {
		err = r.report.WriteText(c.out, c.colour)
	}
	if err != nil {
		fmt.Fprintln(c.err, err)
		return exitUsage
	}
	c.speed(r, time.Since(started))
	return r.code()
}

// notes tells what of the input is not modeled.
func (c *console) notes(notes []string) {
	for _, n := range notes {
		fmt.Fprintln(c.err, "note:", n)
	}
}

// writeAside writes a file whole or not at all: beside its place first, then
// renamed.
func writeAside(path string, write func(io.Writer) error) error {
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%q is not a regular file; nothing was written", path)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".orrery-*")
	if err != nil {
		return fmt.Errorf("cannot write beside %q: %w", path, errors.Unwrap(err))
	}
	w := bufio.NewWriterSize(f, 1<<16)
	err = errors.Join(write(w), w.Flush(), f.Chmod(0o644), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}
