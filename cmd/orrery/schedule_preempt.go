package main

import (
	"bytes"
	"encoding/json"

	"orrery/model"
	"orrery/model/scheduler"
	"orrery/scenarios"
)

// preemptLine is what --preempt prints of a pod.
type preemptLine struct {
	Pod        string      `json:"pod"`
	Node       string      `json:"node,omitempty"`
	Error      string      `json:"error,omitempty"`
	Preemption *preemption `json:"preemption,omitempty"`
}

type preemption struct {
	Node       string               `json:"node"`
	Victims    []string             `json:"victims"`
	Ties       []string             `json:"ties"`
	Candidates map[string]candidate `json:"candidates"`
}

type candidate struct {
	Victims       []string `json:"victims"`
	PDBViolations int      `json:"pdbViolations"`
}

// preemptEach schedules every pending pod, at the cost of others if need be, and
// prints a JSON line of it.
func (c *console) preemptEach(p *scheduler.Planner, s *scenarios.State) int {
	for _, pod := range s.Pending(p) {
		d, x := p.Preempt(pod)
		l := preemptLine{Pod: podName(pod), Node: d.Node, Error: d.PreFilter}
		switch {
		case d.Node != "":
			p.Place(pod, d.Node)
		case l.Error == "":
			l.Error = "unschedulable"
		}
		if x != nil {
			l.Preemption = preemptionOf(x)
			for _, v := range x.Ties[0].Victims {
				p.Remove(v)
			}
			p.Place(pod, x.Ties[0].Node)
		}
		var out bytes.Buffer
		enc := json.NewEncoder(&out)
		enc.SetEscapeHTML(false)
		if enc.Encode(l) != nil {
			panic("a line that is no JSON")
		}
		c.out.Write(out.Bytes())
	}
	return exitHeld
}

func preemptionOf(x *scheduler.Preemption) *preemption {
	out := &preemption{Node: x.Ties[0].Node, Victims: podNames(x.Ties[0].Victims), Candidates: map[string]candidate{}}
	for _, t := range x.Ties {
		out.Ties = append(out.Ties, t.Node)
	}
	for _, c := range x.Candidates {
		out.Candidates[c.Node] = candidate{podNames(c.Victims), c.Violations}
	}
	return out
}

func podNames(pods []*model.Pod) (out []string) {
	for _, p := range pods {
		out = append(out, podName(p))
	}
	return out
}

func podName(p *model.Pod) string { return p.Namespace + "/" + p.Name }
