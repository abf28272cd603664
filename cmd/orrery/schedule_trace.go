package main

import (
	"encoding/csv"
	"fmt"
	"math"
	"os"
	"strconv"
	"text/tabwriter"

	"orrery/model"
	"orrery/model/cluster"
	"orrery/model/scheduler"
	"orrery/report"
	"orrery/scenarios"
)

// scheduleTrace places the pods of a trace one after the other, without time: they
// arrive in order, and none leaves.
func (c *console) scheduleTrace(o *options) int {
	s, err := scenarios.Open(o.trace, scenarios.Options{Root: o.root})
	if err != nil {
		return c.wrong("schedule", err)
	}
	c.notes(s.Notes)
	config := &s.Config
	if len(config.Arrivals) == 0 {
		return c.wrong("schedule", fmt.Errorf("%s has no trace of pods to place", report.Escape(o.trace)))
	}
	if n := len(config.Objects); n > 0 {
		fmt.Fprintf(c.err, "only the pods of the trace are placed, not the scenario's %s\n", model.Counted(int64(n), "other object"))
	}
	typical := config
	if o.typical != "" {
		t, err := scenarios.Open(o.typical, scenarios.Options{Root: o.root})
		if err != nil {
			return c.wrong("schedule", err)
		}
		typical = &t.Config
	}
	x, err := newPlacing(o, s, typical)
	if err != nil {
		return c.wrong("schedule", err)
	}
	if err := x.place(config, o.placements); err != nil {
		return c.wrong("schedule", err)
	}
	fmt.Fprintf(c.out, "%d of %s placed on %s; none leaves\n\n", x.pods-x.unplaced, model.Counted(int64(x.pods), "pod"), model.Counted(int64(len(config.Nodes)), "node"))
	x.print(c)
	return exitHeld
}

// placing is a cluster that a trace fills.
type placing struct {
	planner *scheduler.Planner
	typical []scheduler.TypicalPod

	capacity, arrived, used [3]int64 // by resource: GPU milli, CPU milli, memory bytes
	pods, unplaced          int
	wasted, free            int64 // GPU milli times typical pods
	points                  []point
}

// point is the arrivals that round to one percentage of the capacity, with sums
// over them.
type point struct {
	n, pods, unplaced int
	used              [3]float64 // percent
	fragmented        float64    // percent
}

// of is what a spec asks for of each resource.
func of(s *model.PodSpec) [3]int64 {
	return [3]int64{s.GPU.Milli(), s.Request.CPUMilli, s.Request.MemoryBytes}
}

func newPlacing(o *options, s *scenarios.Scenario, typical *cluster.Config) (*placing, error) {
	x := &placing{typical: scheduler.TypicalPods(typical.Pods())}
	var err error
	if x.planner, err = emptyPlanner(o, s, x.typical); err != nil {
		return nil, err
	}
	for _, n := range s.Config.Nodes {
		x.planner.AddNode(n)
		a := &n.Allocatable
		for i, v := range [3]int64{n.GPU.Devices * model.GPUMilli, a.CPUMilli, a.MemoryBytes} {
			x.capacity[i] += v
		}
		x.waste(n.Name, 1)
	}
	return x, nil
}

// waste adds, or takes away, what a node has free of GPUs.
func (x *placing) waste(node string, sign int64) {
	wasted, free := x.planner.Fragmentation(node, x.typical)
	x.wasted += sign * wasted
	x.free += sign * free
}

// place places all pods; a file gets where each went.
func (x *placing) place(config *cluster.Config, file string) error {
	out, err := newPlacements(file)
	if err != nil {
		return err
	}
	for i := range config.Arrivals {
		pod := config.Arrivals[i].Pod()
		d := x.planner.Decide(pod)
		x.pods++
		for r, v := range of(pod.Spec) {
			x.arrived[r] += v
			if d.Node != "" {
				x.used[r] += v
			}
		}
		if d.Node == "" {
			x.unplaced++
		} else {
			x.waste(d.Node, -1)
			x.planner.Place(pod, d.Node)
			x.waste(d.Node, 1)
		}
		x.note()
		out.row(i, pod.Name, d.Node)
	}
	return out.close()
}

// scarce is the resource by which arrivals are measured: GPUs if there are any,
// else CPU.
func (x *placing) scarce() int {
	if x.capacity[0] == 0 {
		return 1
	}
	return 0
}

// note adds the state after an arrival to its point.
func (x *placing) note() {
	k := int(math.RoundToEven(percent(x.arrived[x.scarce()], x.capacity[x.scarce()])))
	for len(x.points) <= min(k, 1000) {
		x.points = append(x.points, point{})
	}
	p := &x.points[min(k, 1000)]
	p.n++
	p.pods, p.unplaced = x.pods, x.unplaced
	for r := range x.used {
		p.used[r] += percent(x.used[r], x.capacity[r])
	}
	p.fragmented += percent(x.wasted, x.free)
}

func percent(part, whole int64) float64 {
	if whole == 0 {
		return 0
	}
	return 100 * float64(part) / float64(whole)
}

// print prints every tenth point, and the last.
func (x *placing) print(c *console) {
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	what := [...]string{"GPU", "CPU"}[x.scarce()]
	fmt.Fprintf(w, "%s ARRIVED\tPODS\tUNPLACED\tGPU\tCPU\tMEMORY\tFRAGMENTED\t\n", what)
	for k, p := range x.points {
		if p.n == 0 || (k == 0 || k%10 != 0) && k != len(x.points)-1 {
			continue
		}
		n := float64(p.n)
		gpu, fragmented := "-", "-"
		if x.capacity[0] > 0 {
			gpu, fragmented = fmt.Sprintf("%.2f%%", p.used[0]/n), fmt.Sprintf("%.2f%%", p.fragmented/n)
		}
		fmt.Fprintf(w, "%d%%\t%d\t%d\t%s\t%.2f%%\t%.2f%%\t%s\t\n", k, p.pods, p.unplaced, gpu, p.used[1]/n, p.used[2]/n, fragmented)
	}
	w.Flush()
	fmt.Fprintf(c.out, "\nof the capacity, on average over the arrivals that round to the percentage;\nfragmented is what of the free GPUs is of no use to a typical pod\n")
}

// placements writes where pods went, if anybody wants to know.
type placements struct {
	file *os.File // nil if not
	csv  *csv.Writer
}

func newPlacements(name string) (*placements, error) {
	if name == "" {
		return &placements{}, nil
	}
	f, err := os.Create(name)
	if err != nil {
		return nil, fmt.Errorf("--placements: %s", report.Escape(err.Error()))
	}
	p := &placements{file: f, csv: csv.NewWriter(f)}
	p.csv.Write([]string{"seq", "pod", "node"})
	return p, nil
}

func (p *placements) row(seq int, pod, node string) {
	if p.file != nil {
		p.csv.Write([]string{strconv.Itoa(seq), pod, node})
	}
}

func (p *placements) close() error {
	if p.file == nil {
		return nil
	}
	p.csv.Flush()
	err := p.csv.Error()
	if e := p.file.Close(); err == nil {
		err = e
	}
	if err != nil {
		return fmt.Errorf("--placements: %s", report.Escape(err.Error()))
	}
	return nil
}
