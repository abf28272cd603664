package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"orrery/model"
	"orrery/model/scheduler"
	"orrery/report"
	"orrery/scenarios"
	"orrery/scenarios/strict"
	"orrery/sim"
)

// explainDecision runs a scenario until --at, with the scheduler giving an
// account of what it decides about one pod, and prints the last.
func (c *console) explainDecision(s *scenarios.Scenario, object string, o *options) int {
	until, _, err := o.moments(s.Config.Duration)
	if err != nil {
		return c.wrong("explain", err)
	}
	kind, namespace, name, ok := report.ParseObject(object)
	if !ok || kind != model.KindPod {
		return c.wrong("explain", fmt.Errorf("--at explains the decision about a pod, such as pod/web-1 or shop/pod/web-1, not %s", strict.Quote(object)))
	}
	s.Config.Duration = until
	var last *scheduler.Account
	attempts := 0
	s.Config.Scheduler.Witness = func(_ sim.Time, pod *model.Pod) func(*scheduler.Account) {
		if pod.Name != name || pod.Namespace != namespace {
			return nil
		}
		return func(a *scheduler.Account) {
			if last == nil || last.Pod.ID != a.Pod.ID {
				attempts = 0 // another pod of that name
			}
			last = a
			attempts++
		}
	}
	r, err := c.live(s)
	if err != nil {
		return c.wrong("explain", err)
	}
	if r.stop != nil {
		fmt.Fprintln(c.err, c.stopped(r))
		return r.code()
	}
	if err := report.Explain(io.Discard, r.cluster.Store.History(), object); err != nil {
		return c.wrong("explain", fmt.Errorf("until %v: %w", sim.Time(until), err))
	}
	if last == nil {
		pod, _ := r.cluster.Store.Lookup(model.KindPod, namespace, name).(*model.Pod)
		fmt.Fprintf(c.out, "%s: no decision until %v: %s\n", report.Escape(podPath(namespace, name)), sim.Time(until), undecided(pod))
		return exitHeld
	}
	d := decision{Account: last, attempt: attempts}
	fmt.Fprint(c.out, d.text()+"\n")
	if err := report.Pods(c.out, r.cluster.Store.History(), sim.Time(until), podPath(namespace, name)); err != nil {
		return c.wrong("explain", err)
	}
	return exitHeld
}

func podPath(namespace, name string) string {
	return (&model.Meta{Kind: model.KindPod, Namespace: namespace, Name: name}).Path()
}

// undecided is why the scheduler has not decided upon a pod.
func undecided(pod *model.Pod) string {
	switch {
	case pod == nil:
		return "it was gone before"
	case pod.NodeName != "":
		return "it names its node, " + report.Escape(pod.NodeName) + ", and needs no scheduler"
	case len(pod.Gates) > 0:
		return "it waits for its scheduling gates: " + report.Escape(strings.Join(pod.Gates, ", "))
	case pod.Spec.SchedulerName != scheduler.Name:
		return "it asks for the scheduler " + strict.Quote(pod.Spec.SchedulerName)
	}
	return "it waits for its turn"
}

// decision is an account to be printed.
type decision struct {
	*scheduler.Account
	attempt int
	b       strings.Builder
}

func (d *decision) line(format string, a ...any) {
	d.b.WriteString(report.Escape(fmt.Sprintf(format, a...)) + "\n")
}

func (d *decision) head(format string, a ...any) {
	d.b.WriteString("\n")
	d.line(format, a...)
}

func (d *decision) text() string {
	goes := "it goes nowhere"
	if d.Node != "" {
		goes = "it is to go to node/" + d.Node
	}
	d.line("%s was decided upon at %v, attempt %d: %s", d.Pod.Path(), d.At, d.attempt, goes)
	d.line("  the scheduler knew %s then and asked %d, of which %d can take it", model.Counted(int64(d.Nodes), "node"), d.Examined, len(d.Feasible))
	if d.Nominated != "" {
		d.line("  it was nominated for node/%s, which is asked first", d.Nominated)
	}
	if d.Node == "" {
		d.line("  %s", d.Message)
	} else {
		d.scores()
		d.why()
	}
	d.refusals()
	if d.Node == "" {
		d.changes()
		d.preemption()
	}
	return d.b.String()
}

// shown is how many nodes, or groups of them, are printed one by one.
const shown = 10

// scores prints the table, without the plugins that give all nodes the same.
func (d *decision) scores() {
	if len(d.Feasible) < 2 {
		return
	}
	var same []string
	head, columns := []string{"node", "total"}, []int(nil)
	for i, p := range d.Feasible[0].Plugins {
		if slices.ContainsFunc(d.Feasible, func(n scheduler.NodeScore) bool { return n.Plugins[i].Score != p.Score }) {
			head, columns = append(head, p.Plugin), append(columns, i)
		} else if p.Score != 0 {
			same = append(same, p.Plugin+" "+strconv.FormatInt(p.Score, 10))
		}
	}
	rows := [][]string{head}
	for _, n := range d.Feasible[:min(shown, len(d.Feasible))] {
		row := []string{report.Escape(n.Node), strconv.FormatInt(n.Total, 10)}
		for _, i := range columns {
			row = append(row, strconv.FormatInt(n.Plugins[i].Score, 10))
		}
		rows = append(rows, row)
	}
	d.line("")
	d.table(rows)
	if rest := d.Feasible[min(shown, len(d.Feasible)):]; len(rest) > 0 {
		d.line("  and %s more, from %d down to %d", model.Counted(int64(len(rest)), "node"), rest[0].Total, rest[len(rest)-1].Total)
	}
	if len(same) > 0 {
		d.line("  the same for all: %s", strings.Join(same, ", "))
	}
}

// table prints rows with all columns but the first to the right.
func (d *decision) table(rows [][]string) {
	widths := make([]int, len(rows[0]))
	for _, r := range rows {
		for i, cell := range r {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, r := range rows {
		d.b.WriteString(" ")
		for i, cell := range r {
			gap := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i == 0 {
				d.b.WriteString(" " + cell + gap)
			} else {
				d.b.WriteString("  " + gap + cell)
			}
		}
		d.b.WriteString("\n")
	}
}

// why says what decided among the nodes that can take the pod.
func (d *decision) why() {
	d.head("why node/%s", d.Node)
	if d.Nominated == d.Node {
		d.line("  it is nominated there, and the node can take it now: no other was asked")
		return
	}
	if len(d.Feasible) == 1 {
		d.line("  no other node that was asked can take it, and so nothing was scored")
		return
	}
	best := d.Feasible[0]
	ties := 1
	for ties < len(d.Feasible) && d.Feasible[ties].Total == best.Total {
		ties++
	}
	if ties > 1 {
		var places []string
		for _, n := range d.Feasible[:min(ties, 3)] {
			places = append(places, n.Node+" as number "+strconv.Itoa(n.Place+1))
		}
		d.line("  %s have %s; kube-scheduler v1.35 takes the one at the root of its heap of scores,",
			model.Counted(int64(ties), "node"), model.Counted(best.Total, "point"))
		d.line("  which goes by the order in which they were found: %s%s", strings.Join(places, ", "), more(ties-len(places)))
	}
	if ties < len(d.Feasible) {
		next := d.Feasible[ties]
		var made []string
		for i, p := range best.Plugins {
			if by := p.Score - next.Plugins[i].Score; by != 0 {
				made = append(made, fmt.Sprintf("%s %+d", p.Plugin, by))
			}
		}
		d.line("  %s more than the next, %s: %s", model.Counted(int64(best.Total-next.Total), "point"), next.Node, strings.Join(made, ", "))
	}
}

func more(n int) string {
	if n <= 0 {
		return ""
	}
	return " and " + strconv.Itoa(n) + " more"
}

// group is nodes of which the same is to be said.
type group struct {
	say   string
	nodes []string
}

// grouped puts the nodes of which the same is to be said together, in the order
// in which they first appear.
func grouped(list []scheduler.Rejection, say func(*scheduler.Rejection) string) (out []*group) {
	known := map[string]*group{}
	for i := range list {
		s := say(&list[i])
		g := known[s]
		if g == nil {
			g = &group{say: s}
			known[s] = g
			out = append(out, g)
		}
		g.nodes = append(g.nodes, list[i].Node)
	}
	return out
}

// names is the first nodes of a group.
func (g *group) names() string {
	const most = 5
	return strings.Join(g.nodes[:min(most, len(g.nodes))], ", ") + more(len(g.nodes)-most)
}

func refusal(r *scheduler.Rejection) string {
	return strings.Join(r.Reasons, ", ") + " (" + r.Plugin + ")"
}

// refusals prints the nodes that cannot take the pod, by reason, the most first.
func (d *decision) refusals() {
	if len(d.Infeasible) == 0 {
		return
	}
	groups := grouped(d.Infeasible, refusal)
	slices.SortStableFunc(groups, func(a, b *group) int { return len(b.nodes) - len(a.nodes) })
	d.head("who cannot take it")
	for _, g := range groups {
		d.line("  %s: %s: %s", model.Counted(int64(len(g.nodes)), "node"), g.say, g.names())
	}
}

// changes prints what would have to change for a node to take the pod.
func (d *decision) changes() {
	if d.PreFilter != "" {
		d.head("what would have to change")
		d.line("  no node was asked, because none would do: %s", d.PreFilter)
		return
	}
	if len(d.Infeasible) == 0 {
		return
	}
	list := scheduler.ByEffort(d.Infeasible)
	groups := grouped(list, func(r *scheduler.Rejection) string {
		var words []string
		for _, c := range r.Changes {
			words = append(words, c.Text)
		}
		return strings.Join(words, "; ")
	})
	d.head("what would have to change, for any one of them, the least first")
	told := map[string]bool{}
	for _, g := range groups[:min(shown, len(groups))] {
		if len(g.nodes) == 1 {
			d.line("  node/%s: %s", g.nodes[0], g.say)
		} else {
			d.line("  any of %s (%s): %s", model.Counted(int64(len(g.nodes)), "node"), g.names(), g.say)
		}
		for _, n := range g.nodes {
			told[n] = true
		}
	}
	rest := slices.DeleteFunc(list, func(r scheduler.Rejection) bool { return told[r.Node] })
	if len(rest) == 0 {
		return
	}
	var kinds []string
	for _, g := range grouped(rest, refusal) {
		kinds = append(kinds, strconv.Itoa(len(g.nodes))+" "+g.say)
	}
	d.line("  and more for %s: %s", model.Counted(int64(len(rest)), "other node"), strings.Join(kinds, ", "))
}

// preemption prints who is asked to leave.
func (d *decision) preemption() {
	if d.Preempts == nil {
		return
	}
	var victims []string
	for _, v := range d.Preempts.Victims {
		victims = append(victims, v.Path())
	}
	most := min(shown, len(victims))
	d.head("who is asked to leave node/%s for it", d.Preempts.Node)
	d.line("  %s%s", strings.Join(victims[:most], ", "), more(len(victims)-most))
}
