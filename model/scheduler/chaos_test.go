package scheduler

import (
	"fmt"

	"orrery/model"
	"orrery/sim"
)

// chaos makes random clusters, pods and changes.
type chaos struct {
	luck sim.Stream
	even bool // nodes are of one size, so that many are equally good
}

func (c *chaos) n(below int) int { return int(c.luck.Below(uint64(below))) }

func (c *chaos) one(in int) bool { return c.n(in) == 0 }

func pick[T any](c *chaos, from ...T) T { return from[c.n(len(from))] }

func (c *chaos) node(id uint32) *model.Node {
	labels := map[string]string{"pool": pick(c, "web", "db", "batch"), "disk": pick(c, "1", "2", "3")}
	if !c.one(5) {
		labels[model.LabelZone] = pick(c, "a", "b", "c", "d")
	}
	if c.even || !c.one(9) {
		labels[model.LabelHostname] = fmt.Sprintf("n-%d", id)
	}
	n := &model.Node{
		Meta:          model.Meta{Kind: model.KindNode, ID: id, Name: fmt.Sprintf("n-%d", id), Labels: model.MakeLabels(labels)},
		Unschedulable: c.one(15),
		Taints:        c.taints(),
		Allocatable: model.Resources{
			CPUMilli: int64(1+c.n(8)) * 1000, MemoryBytes: int64(1+c.n(16)) * gib, EphemeralBytes: int64(c.n(20)) * gib, Pods: int64(pick(c, 4, 10, 110)),
		},
	}
	if c.even {
		n.Unschedulable, n.Taints, n.Allocatable = false, nil, model.Resources{CPUMilli: 8000, MemoryBytes: 16 * gib, EphemeralBytes: 20 * gib, Pods: 110}
		return n
	}
	for _, image := range []model.Image{{Name: "web:1", Bytes: 900 << 20}, {Name: "db:2", Bytes: 100 << 20}, {Name: "huge:latest", Bytes: 9 << 30}} {
		if c.one(2) {
			n.Images = append(n.Images, image)
		}
	}
	if c.one(3) {
		n.Allocatable.Extended = []model.Extended{{Name: "example.com/fpga", Count: int64(c.n(3))}, {Name: "nvidia.com/gpu", Count: int64(c.n(9))}}
	}
	return n
}

func (c *chaos) taints() (out []model.Taint) {
	for range c.n(5) / 3 {
		effect := pick(c, model.NoSchedule, model.PreferNoSchedule, model.PreferNoSchedule, model.NoExecute)
		out = append(out, model.Taint{Key: pick(c, "team", "spot"), Value: pick(c, "", "x"), Effect: effect})
	}
	return out
}

func (c *chaos) spec() *model.PodSpec {
	s := &model.PodSpec{SchedulerName: Name}
	for range 1 + c.n(2) {
		s.Containers = append(s.Containers, model.Container{Requests: c.requests()})
	}
	for range c.n(3) {
		s.InitContainers = append(s.InitContainers, model.Container{Requests: c.requests(), Sidecar: c.one(2)})
	}
	if c.one(4) {
		s.NodeSelector = model.MakeLabels(map[string]string{"pool": pick(c, "web", "db", "batch")})
	}
	for range c.n(4) / 2 {
		s.Required = append(s.Required, c.term())
	}
	for range c.n(6) / 3 {
		s.Preferred = append(s.Preferred, model.PreferredTerm{Weight: int64(1 + c.n(100)), Term: c.term()})
	}
	for range c.n(3) {
		s.Tolerations = append(s.Tolerations, model.Toleration{
			Key: pick(c, "team", "spot", model.TaintUnschedulable), Value: pick(c, "", "x"), Exists: c.one(2), Effect: pick(c, model.AnyEffect, model.NoSchedule, model.PreferNoSchedule),
		})
	}
	for i := range s.Containers {
		s.Containers[i].Image = pick(c, "web:1", "db:2", "huge", "registry:5000/none")
	}
	if c.one(2) {
		s.Placement = c.placement()
	}
	s.SumRequests()
	return s
}

func (c *chaos) requests() (r model.Resources) {
	if !c.one(4) {
		r.CPUMilli = int64(c.n(20)) * 100
	}
	if !c.one(4) {
		r.MemoryBytes = int64(c.n(30)) * gib / 10
	}
	if c.one(5) {
		r.EphemeralBytes = gib
	}
	if c.one(6) {
		r.Extended = []model.Extended{{Name: pick(c, "example.com/fpga", "nvidia.com/gpu"), Count: int64(c.n(3))}}
	}
	return r
}

func (c *chaos) term() (t model.NodeTerm) {
	if c.one(4) {
		t.Names = append(t.Names, model.Requirement{Key: "metadata.name", Op: pick(c, model.In, model.In, model.NotIn),
			Values: []string{fmt.Sprintf("n-%d", 1+c.n(150)), fmt.Sprintf("n-%d", 1+c.n(150))}})
	}
	for range c.n(3) {
		t.Labels = append(t.Labels, pick(c,
			model.Requirement{Key: "pool", Op: model.In, Values: []string{"web", "db"}},
			model.Requirement{Key: "pool", Op: model.NotIn, Values: []string{"db"}},
			model.Requirement{Key: "disk", Op: model.GreaterThan, Values: []string{"1"}},
			model.Requirement{Key: model.LabelZone, Op: model.Exists},
		))
	}
	return t
}
