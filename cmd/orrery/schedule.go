package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/pflag"

	"orrery/model"
	"orrery/model/scheduler"
	"orrery/report"
	"orrery/scenarios"
	"orrery/scenarios/strict"
	"orrery/sim"
)

var scheduleCommand = command{
	name:  "schedule",
	args:  "--cluster LIST | --trace SCENARIO [FLAGS]",
	short: "say where kube-scheduler would put the pods of a cluster, and why",
	example: `orrery schedule --cluster cluster.yaml
orrery schedule --cluster cluster.json --explain --ties first
orrery schedule --cluster cluster.yaml --config scheduler.yaml
orrery schedule --cluster cluster.yaml --pod pod.yaml --until-full
orrery schedule --trace gpus.yaml --policy fragmentation --ties first --placements where.csv`,
	flags: func(f *pflag.FlagSet, o *options) {
		f.StringVar(&o.cluster, "cluster", "", "a v1 List of Nodes, Services, and pending and bound Pods, YAML or JSON")
		f.StringVar(&o.trace, "trace", "", "a scenario whose trace's pods are placed in the order of their arrival; none leaves")
		f.StringVar(&o.policy, "policy", "", "how to choose: "+strings.Join(scheduler.PolicyNames(), ", "))
		f.StringVar(&o.config, "config", "", "a KubeSchedulerConfiguration (kubescheduler.config.k8s.io/v1)")
		f.StringVar(&o.ties, "ties", "heap", tiesHelp)
		f.Uint64Var(&o.seed, "seed", 1, "seed of --ties random and of --policy random")
		f.StringVar(&o.pod, "pod", "", "a pod to ask about, after the cluster's pending ones are placed")
		f.BoolVar(&o.untilFull, "until-full", false, "place copies of --pod until the next one fits nowhere")
		f.BoolVar(&o.explain, "explain", false, "print a JSON line for each pod, with every node's scores or reasons")
		f.BoolVar(&o.preempt, "preempt", false, "let pods of higher priority take the place of others; print a JSON line for each pod, with victims")
		f.StringVar(&o.typical, "typical", "", "with --trace: the scenario whose pods are the typical ones that fragmentation is about (default: its own)")
		f.StringVar(&o.placements, "placements", "", "with --trace: write a CSV file of where each pod goes")
		f.StringVar(&o.root, "root", "", "with --trace: folder that its tables may come from (default: the scenario's own)")
	},
	run: schedule,
}

func schedule(c *console, o *options, args []string) int {
	if err := checkSchedule(o, args); err != nil {
		return c.wrong("schedule", err)
	}
	if o.trace != "" {
		return c.scheduleTrace(o)
	}
	state, err := scenarios.OpenState(o.cluster)
	if err != nil {
		return c.wrong("schedule", err)
	}
	c.notes(state.Notes)
	planner, err := newPlanner(o, state)
	if err != nil {
		return c.wrong("schedule", err)
	}
	if o.pod != "" {
		pod, err := scenarios.OpenPod(o.pod)
		if err != nil {
			return c.wrong("schedule", err)
		}
		planner.PlaceAll(state.Pending(planner), false, func(*model.Pod, *scheduler.Explanation) {})
		if o.untilFull {
			return c.fill(planner, pod)
		}
		state.Pods = []*model.Pod{pod}
	}
	if o.preempt && planner.Holds() {
		return c.wrong("schedule", fmt.Errorf("--preempt with gangs: whom preemption sends back while it waits for its gang, only a run shows"))
	}
	if o.preempt {
		return c.preemptEach(planner, state)
	}
	if o.explain {
		return c.explainEach(planner, state)
	}
	return c.scheduleEach(planner, state)
}

// checkSchedule finds flags that do not go together.
func checkSchedule(o *options, args []string) error {
	switch {
	case len(args) > 0 || (o.cluster == "") == (o.trace == ""):
		return fmt.Errorf("schedule takes --cluster LIST or --trace SCENARIO, and no other argument")
	case o.policy != "" && o.config != "":
		return fmt.Errorf("--policy and --config both say how to choose: a configuration has its own plugins and weights")
	case o.trace != "" && (o.pod != "" || o.untilFull || o.explain || o.preempt):
		return fmt.Errorf("--pod, --until-full, --explain and --preempt are about a --cluster, not a --trace")
	case o.trace == "" && (o.typical != "" || o.placements != "" || o.root != ""):
		return fmt.Errorf("--typical, --placements and --root are about a --trace")
	case o.untilFull && o.pod == "":
		return fmt.Errorf("--until-full needs --pod: which pod shall fill the cluster?")
	case o.explain && o.preempt:
		return fmt.Errorf("--explain and --preempt print different lines: choose one")
	}
	return nil
}

// fillMost is how many copies of a pod are worth counting.
const fillMost = 1_000_000

// fill places copies of a pod until the next one fits nowhere, and says where
// they went and what stops the next.
func (c *console) fill(p *scheduler.Planner, pod *model.Pod) int {
	counts, total := map[string]int{}, 0
	d := p.Decide(pod)
	for ; d.Node != "" && total < fillMost; d = p.Decide(pod) {
		counts[d.Node]++
		total++
		p.Place(pod, d.Node)
	}
	name := report.Escape(pod.Namespace + "/" + pod.Name)
	fits := "fit"
	if total == 1 {
		fits = "fits"
	}
	fmt.Fprintf(c.out, "%d more of pod %s %s", total, name, fits)
	if d.Node != "" {
		fmt.Fprintln(c.out, ", and there is still room")
		return exitHeld
	}
	fmt.Fprintf(c.out, "\nthe next one: %s\n", report.Escape(d.Message))
	if total == 0 {
		return exitHeld
	}
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nNODE\tPODS")
	for _, node := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(w, "%s\t%d\n", report.Escape(node), counts[node])
	}
	w.Flush()
	return exitHeld
}

// newPlanner plans for the cluster as it is.
func newPlanner(o *options, s *scenarios.State) (*scheduler.Planner, error) {
	p, err := emptyPlanner(o, &scenarios.Scenario{}, scheduler.TypicalPods(func(yield func(*model.PodSpec, int64) bool) {
		for _, pod := range s.Pods {
			if !yield(pod.Spec, 1) {
				return
			}
		}
	}))
	if err != nil {
		return nil, err
	}
	return p, s.Fill(p)
}

// emptyPlanner plans as the flags say, and a scenario where they do not.
func emptyPlanner(o *options, of *scenarios.Scenario, typical []scheduler.TypicalPod) (*scheduler.Planner, error) {
	profiles := []scheduler.PlannerProfile{{Profile: scheduler.DefaultProfile(), PercentageOfNodesToScore: -1}}
	if o.config != "" {
		c, err := scenarios.OpenSchedulerConfig(o.config)
		if err != nil {
			return nil, err
		}
		profiles = c.Profiles
	}
	if p := of.Config.Scheduler.Profile; p != nil {
		profiles[0].Profile = p
	}
	if o.policy != "" {
		p, err := of.Policy(o.policy)
		if err != nil {
			return nil, fmt.Errorf("--policy: %w", err)
		}
		profiles[0].Profile = p
	}
	for i := range profiles {
		profiles[i].Typical = typical
		if profiles[i].PercentageOfNodesToScore < 0 {
			profiles[i].PercentageOfNodesToScore = 100
		}
	}
	how, err := ties(o.ties)
	if err != nil {
		return nil, err
	}
	return scheduler.NewPlanner(scheduler.PlannerConfig{
		Profile: profiles[0].Profile, PercentageOfNodesToScore: profiles[0].PercentageOfNodesToScore, Others: profiles[1:], Ties: how, Luck: sim.NewLuck(o.seed),
	}), nil
}

const tiesHelp = "who wins a tie: heap (kube-scheduler from v1.35), random (up to v1.34), first (of the list)"

// ties is the way to break ties of that name.
func ties(name string) (scheduler.Ties, error) {
	t, known := scheduler.TiesNamed(name)
	if !known {
		return t, fmt.Errorf("--ties %s: heap, random or first", strict.Quote(name))
	}
	return t, nil
}

// explainEach schedules every pending pod and prints a JSON line of it.
func (c *console) explainEach(p *scheduler.Planner, s *scenarios.State) int {
	p.PlaceAll(s.Pending(p), true, func(pod *model.Pod, e *scheduler.Explanation) { c.out.Write(explainLine(pod, e)) })
	return exitHeld
}

// line is what --explain prints of a pod.
type line struct {
	Pod        string              `json:"pod"`
	Node       string              `json:"node,omitempty"`
	Feasible   []scored            `json:"feasible,omitempty"`
	Infeasible map[string][]string `json:"infeasible,omitempty"`
	RejectedBy map[string]string   `json:"rejectedBy,omitempty"`
	Error      string              `json:"error,omitempty"`
}

type scored struct {
	Node    string           `json:"node"`
	Total   int64            `json:"total"`
	Plugins map[string]int64 `json:"plugins"`
}

func explainLine(pod *model.Pod, e *scheduler.Explanation) []byte {
	l := line{Pod: pod.Namespace + "/" + pod.Name, Node: e.Node}
	for _, f := range e.Feasible {
		s := scored{Node: f.Node, Total: f.Total}
		if len(e.Feasible) > 1 { // a single one is not scored
			s.Plugins = map[string]int64{}
		}
		for _, x := range f.Plugins {
			s.Plugins[x.Plugin] = x.Score
		}
		l.Feasible = append(l.Feasible, s)
	}
	if len(e.Infeasible) > 0 {
		l.Infeasible, l.RejectedBy = map[string][]string{}, map[string]string{}
	}
	for _, r := range e.Infeasible {
		l.Infeasible[r.Node], l.RejectedBy[r.Node] = r.Reasons, r.Plugin
	}
	switch {
	case e.PreFilter != "":
		l.Error = e.PreFilter
	case e.Refused != "":
		l.Error = e.Refused
	case e.Node == "":
		l.Error = "unschedulable"
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if enc.Encode(l) != nil {
		panic("a line that is no JSON")
	}
	return out.Bytes()
}

// scheduleEach schedules every pending pod and prints a table.
func (c *console) scheduleEach(p *scheduler.Planner, s *scenarios.State) int {
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "POD\tNODE\tWHY NOT")
	placed, pending := 0, s.Pending(p)
	p.PlaceAll(pending, false, func(pod *model.Pod, d *scheduler.Explanation) {
		name := report.Escape(pod.Namespace + "/" + pod.Name)
		if d.Node == "" {
			fmt.Fprintf(w, "%s\t-\t%s\n", name, report.Escape(d.Message))
			return
		}
		placed++
		fmt.Fprintf(w, "%s\t%s\t\n", name, report.Escape(d.Node))
	})
	w.Flush()
	fmt.Fprintf(c.out, "\n%d of %s placed on %s\n", placed, model.Counted(int64(len(pending)), "pod"), model.Counted(int64(len(s.Nodes)), "node"))
	return exitHeld
}
