package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode/utf8"

	"orrery/model/controller"
	"orrery/model/fault"
	"orrery/model/scheduler"
	"orrery/model/workload"
	"orrery/report"
	"orrery/scenarios"
)

var listCommand = command{
	name:  "list",
	args:  "[" + strings.Join(topics(), "|") + "]",
	short: "list the built-in scenarios, and what a scenario can say",
	example: `orrery list
orrery list metrics`,
	run: list,
}

func topics() []string {
	return []string{"scenarios", "faults", "actions", "metrics", "policies", "controllers", "columns", "options"}
}

// printers prints each topic, from the registry of the package concerned.
var printers = map[string]func(w io.Writer){
	"scenarios": func(w io.Writer) {
		for _, s := range scenarios.Library() {
			row(w, s.Name, firstSentence(s.About))
		}
	},
	"faults": func(w io.Writer) {
		for i := range fault.Kinds {
			k := &fault.Kinds[i]
			entry(w, k.Name, k.Help, "keys: "+strings.Join(scenarios.FaultKeys(k), ", "))
		}
	},
	"actions": func(w io.Writer) {
		for _, k := range workload.Commands {
			row(w, k.Name, strings.Join(k.Params, ", "), k.Help)
		}
	},
	"metrics": listMetrics,
	"policies": func(w io.Writer) {
		for _, p := range scheduler.Policies() {
			var scores []string // what they add up to decides
			for _, e := range p.Profile().Plugins {
				if e.Weight > 0 && e.Not&scheduler.AtScore == 0 {
					scores = append(scores, fmt.Sprintf("%d×%s", e.Weight, e.Name))
				}
			}
			row(w, p.Name, p.About, strings.Join(scores, " + "))
		}
	},
	"columns": func(w io.Writer) {
		for _, c := range scenarios.TraceColumns {
			need := ""
			if c.Required {
				need = "required"
			}
			row(w, "trace."+c.Of, c.Name, c.Unit, need, c.Help)
		}
	},
	"options": func(w io.Writer) {
		of := ""
		for _, o := range scenarios.KnownOptions() {
			if o.Of != of { // each map is a list by itself
				of = o.Of
				fmt.Fprintln(w)
			}
			head := o.Path() + ": " + o.Unit
			if o.Default != "" {
				head += ", default " + o.Default
			}
			entry(w, head, o.Help, o.Name+": "+o.Example)
		}
	},
	"controllers": func(w io.Writer) {
		for _, name := range controller.Names() {
			row(w, name)
		}
	},
}

// listMetrics prints each metric, how its values are written, and what it is. Objects that many
// metrics are asked about have a name (report.Selections), which is explained at the end.
func listMetrics(w io.Writer) {
	for _, m := range report.Metrics() {
		head := m.Brief() + ": " + string(m.Unit)
		if m.Unit != report.Count && m.Unit != report.YesNo {
			head += " such as " + m.Unit.Example()
		}
		entry(w, head, m.Help)
	}
	fmt.Fprint(w, `
  What is in brackets may be left out; without an object it is about the whole cluster. One of these
  is written with a name, as in restarts(deployment/web), or restarts(shop/deployment/web) in
  another namespace than default:
`)
	for _, s := range report.Selections() {
		row(w, s.Name, strings.ReplaceAll(s.Kinds, "|", ", "))
	}
}

// listWidth is how many columns the texts in lists have at most.
const listWidth = 100

// entry prints a head and, in lines of their own, what is said of it.
func entry(w io.Writer, head string, texts ...string) {
	fmt.Fprintln(w, "  "+head)
	for _, text := range texts {
		for _, l := range wrapped(text, listWidth-6) {
			fmt.Fprintln(w, "      "+l)
		}
	}
}

// wrapped is text in lines of at most width characters; a longer word has a line of its own.
func wrapped(text string, width int) (lines []string) {
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

func row(w io.Writer, cells ...string) { fmt.Fprintf(w, "  %s\n", strings.Join(cells, "\t")) }

func firstSentence(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if i := strings.Index(s, ". "); i >= 0 {
		return s[:i+1]
	}
	return s
}

func list(c *console, _ *options, args []string) int {
	wanted := topics()
	if len(args) > 0 {
		wanted = args
	}
	for i, name := range wanted {
		show := printers[name]
		if show == nil {
			return c.wrong("list", fmt.Errorf("there is no list of %q%s; known: %s", name, scenarios.DidYouMean(name, topics()), strings.Join(topics(), ", ")))
		}
		if i > 0 {
			fmt.Fprintln(c.out)
		}
		fmt.Fprintln(c.out, strings.ToUpper(name[:1])+name[1:]+":")
		w := tabwriter.NewWriter(c.out, 0, 8, 2, ' ', 0)
		show(w)
		w.Flush()
	}
	return exitHeld
}
