// Command orrery runs scenarios of a Kubernetes cluster on a virtual clock and
// says whether what was expected held. Each subcommand is one file: flags,
// exit codes, nothing else.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"orrery/report"
	"orrery/scenarios"
)

// Exit codes. They are part of the interface and never change their meaning.
const (
	exitHeld             = 0   // everything expected held
	exitFailed           = 1   // an expectation did not hold
	exitUsage            = 2   // the question was wrong: flags, a scenario that does not load
	exitUnfinished       = 3   // the run hit a budget before its end
	exitNondeterministic = 4   // two runs of one scenario differed
	exitBug              = 5   // a panic: our mistake
	exitInterrupted      = 130 // Ctrl-C, as shells count it
)

// command is one subcommand.
type command struct {
	name    string
	args    string // what follows the name on the usage line
	short   string
	example string
	flags   func(*pflag.FlagSet, *options)
	run     func(*console, *options, []string) int
}

// commands is every subcommand, in the order in which help lists them.
var commands = []command{
	runCommand, testCommand, listCommand, getCommand, topCommand, explainCommand,
	compareCommand, validateCommand, verifyCommand, scheduleCommand, versionCommand,
}

// options is every flag of every subcommand; a subcommand declares those it
// takes.
type options struct {
	seed       uint64
	policy     string
	root       string
	history    string
	output     string
	literal    bool
	maxEvents  uint64
	maxWall    time.Duration
	maxMemory  string
	match      string
	count      int
	verbose    bool
	shuffle    uint64
	cluster    string
	config     string
	ties       string
	explain    bool
	pod        string
	untilFull  bool
	preempt    bool
	trace      string
	typical    string
	placements string
	at         string
	every      string
	containers bool
	seeds      string
	metrics    []string
}

// console is where a command talks: data to out, talk to err.
type console struct {
	out, err io.Writer
	terminal bool // err is one: progress and colour
	colour   bool // out is one: colour

	maxMemory int64 // bytes a run may use; 0 is no limit
}

func main() {
	c := &console{out: os.Stdout, err: os.Stderr, terminal: isTerminal(os.Stderr), colour: isTerminal(os.Stdout) && os.Getenv("NO_COLOR") == ""}
	os.Exit(dispatch(c, os.Args[1:]))
}

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// dispatch runs one command line and returns its exit code. A panic below it
// is our bug, and says so.
func dispatch(c *console, args []string) (code int) {
	defer func() {
		if p := recover(); p != nil {
			code = c.bug(p)
		}
	}()
	if len(args) == 0 || args[0] == "help" && len(args) == 1 || args[0] == "-h" || args[0] == "--help" {
		usage(c.out)
		if len(args) == 0 {
			return exitUsage
		}
		return exitHeld
	}
	name, rest := args[0], args[1:]
	if name == "help" {
		name, rest = args[1], []string{"--help"}
	}
	var names []string
	for i := range commands {
		if commands[i].name == name {
			return commands[i].execute(c, rest)
		}
		names = append(names, commands[i].name)
	}
	fmt.Fprintf(c.err, "orrery: unknown command %q%s\n", name, scenarios.DidYouMean(name, names))
	fmt.Fprintln(c.err, "run 'orrery help' for the list")
	return exitUsage
}

// bug reports a panic, which is never the user's mistake.
func (c *console) bug(p any) int {
	fmt.Fprintf(c.err, "orrery: a bug of ours, please report it with the scenario: %v\n\n%s", p, debug.Stack())
	return exitBug
}

func (m *command) execute(c *console, args []string) int {
	var o options
	f := pflag.NewFlagSet(m.name, pflag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.SortFlags = false
	if m.flags != nil {
		m.flags(f, &o)
	}
	err := f.Parse(longFlags(f, args))
	if errors.Is(err, pflag.ErrHelp) {
		fmt.Fprintf(c.out, "%s\n\nUsage:\n  orrery %s %s\n", m.short, m.name, m.args)
		if f.HasFlags() {
			fmt.Fprintf(c.out, "\nFlags:\n%s", f.FlagUsages())
		}
		fmt.Fprintf(c.out, "\nExamples:\n%s\n", indent(m.example))
		return exitHeld
	}
	if err != nil {
		return c.wrong(m.name, suggestFlag(f, err))
	}
	return m.run(c, &o, f.Args())
}

// longFlags lets flags be written with one dash, as the go command's are:
// -run as --run.
func longFlags(f *pflag.FlagSet, args []string) []string {
	out := slices.Clone(args)
	for i, a := range out {
		name, _, _ := strings.Cut(strings.TrimPrefix(a, "-"), "=")
		if strings.HasPrefix(a, "-") && len(name) > 1 && f.Lookup(name) != nil {
			out[i] = "-" + a
		}
	}
	return out
}

// suggestFlag adds the flag that was perhaps meant.
func suggestFlag(f *pflag.FlagSet, err error) error {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return err
	}
	var names []string
	f.VisitAll(func(x *pflag.Flag) { names = append(names, x.Name) })
	return fmt.Errorf("%w%s", err, scenarios.DidYouMean(unknown.GetSpecifiedName(), names))
}

// wrong reports that the question was wrong.
func (c *console) wrong(command string, err error) int {
	for line := range strings.SplitSeq(err.Error(), "\n") { // which may quote what was typed
		fmt.Fprintln(c.err, report.Escape(line))
	}
	fmt.Fprintf(c.err, "run 'orrery help %s' for how to use it\n", command)
	return exitUsage
}

func indent(s string) string {
	return "  " + strings.ReplaceAll(strings.TrimSpace(s), "\n", "\n  ")
}

func usage(w io.Writer) {
	fmt.Fprint(w, `Orrery is a clockwork model of a Kubernetes cluster: give it a cluster, a
workload and a list of things that go wrong, and it answers what the cluster
would do, the same every time.

Usage:
  orrery COMMAND [FLAGS] [ARGUMENTS]

Commands:
`)
	for i := range commands {
		fmt.Fprintf(w, "  %-10s %s\n", commands[i].name, commands[i].short)
	}
	fmt.Fprint(w, `
Start with:
  orrery run node-loss

'orrery help COMMAND' shows flags and examples. Exit codes: 0 everything held,
1 an expectation failed, 2 wrong question, 3 out of budget, 4 not
deterministic, 5 a bug of ours, 130 interrupted.
`)
}
