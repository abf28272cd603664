package cluster_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/cluster"
	"orrery/model/runtime"
	"orrery/model/store"
	"orrery/sim"
)

// machineWatch watches what is true on the machines, whatever the API shows: after every
// record it looks at the machine that the record is about.
type machineWatch struct {
	x      *cluster.Cluster
	began  map[process]instance
	broken []string
}

// process is a container of a pod that is in one sandbox's place.
type process struct {
	box *runtime.Sandbox
	i   int
}

// instance is the newest one of a process that was looked at.
type instance struct {
	n         int32
	startedAt sim.Time
	running   bool
}

func watchMachines(x *cluster.Cluster) *machineWatch {
	m := &machineWatch{x: x, began: map[process]instance{}}
	x.Store.Observe(m)
	return m
}

func (m *machineWatch) fail(s *runtime.Sandbox, format string, a ...any) {
	if len(m.broken) < 10 {
		m.broken = append(m.broken, fmt.Sprintf("%v: %s on its machine: ", m.x.Kernel.Now(), s.Pod.Path())+fmt.Sprintf(format, a...))
	}
}

// Recorded implements store.Observer.
func (m *machineWatch) Recorded(r *store.Record) {
	p, ok := r.Object().(*model.Pod)
	if !ok || p.NodeID == 0 {
		return
	}
	boxes := m.x.Sandboxes(p.NodeID)
	var used model.Resources
	critical := false
	for _, s := range boxes {
		if s == nil {
			continue
		}
		if gone := r.Verb == store.Deleted && s.Pod.ID == p.ID && s.Alive(); gone && m.x.Store.History().ActorName(r.By) == "kubelet/"+p.NodeName {
			m.fail(s, "its kubelet has deleted the object, and it runs")
		}
		critical = critical || s.Pod.Spec.Critical() || s.Pod.ID >= model.FirstStaticID
		if s.Admitted {
			used = used.Add(allocated(s).Request)
		}
		m.addresses(s, boxes)
		for i := range s.Processes {
			m.process(s, i)
		}
	}
	n := m.x.Store.Get(model.Ref{Kind: model.KindNode, ID: p.NodeID})
	if n == nil || critical { // who is critical is admitted while others make room
		return
	}
	if has := n.(*model.Node).Allocatable; used.CPUMilli > has.CPUMilli || used.MemoryBytes > has.MemoryBytes || used.EphemeralBytes > has.EphemeralBytes {
		m.broken = append(m.broken, fmt.Sprintf("%v: %s has admitted %+v of %+v", m.x.Kernel.Now(), p.NodeName, used, has))
	}
}

func allocated(s *runtime.Sandbox) *model.PodSpec {
	if s.Allocated != nil {
		return s.Allocated
	}
	return s.Pod.Spec
}

// addresses checks that nobody else on the machine has the pod's address, and that
// nothing runs without a sandbox.
func (m *machineWatch) addresses(s *runtime.Sandbox, boxes []*runtime.Sandbox) {
	if !s.Ready {
		if s.Alive() {
			m.fail(s, "it runs without a sandbox")
		}
		return
	}
	for _, o := range boxes {
		if o != nil && o != s && o.Ready && o.IP == s.IP && !s.Pod.Spec.HostNetwork {
			m.fail(s, "%s has its address %x", o.Pod.Path(), s.IP)
		}
	}
}

// process checks that an instance begins after the one before has ended, ends after it
// began, and gets no SIGKILL earlier than 2 s after SIGTERM.
func (m *machineWatch) process(s *runtime.Sandbox, i int) {
	p, key := &s.Processes[i], process{s, i}
	was := m.began[key]
	switch {
	case p.Running && p.Instances > 1 && (p.FinishedAt == 0 || p.FinishedAt > p.StartedAt):
		m.fail(s, "container %d: instance %d of %v began before the end of the one before, %v", i, p.Instances, p.StartedAt, p.FinishedAt)
	case p.Instances == was.n && (p.StartedAt != was.startedAt || p.Running && !was.running):
		m.fail(s, "container %d: instance %d began at %v, and again at %v", i, p.Instances, was.startedAt, p.StartedAt)
	case p.Instances == was.n+1 && was.running && p.Running && p.FinishedAt < was.startedAt:
		m.fail(s, "container %d: instance %d began at %v and never ended, at %v there is another", i, was.n, was.startedAt, p.StartedAt)
	case p.Instances < was.n:
		m.fail(s, "container %d: %d instances after %d", i, p.Instances, was.n)
	case !p.Running && p.Instances > 0 && p.FinishedAt < p.StartedAt:
		m.fail(s, "container %d: ended at %v, began at %v", i, p.FinishedAt, p.StartedAt)
	case !p.Running && p.TermAt > 0 && p.ExitCode == 137 && p.Cause == runtime.Exited && p.FinishedAt.Sub(p.TermAt) < runtime.MinimumKill:
		m.fail(s, "container %d: SIGKILL %v after SIGTERM", i, p.FinishedAt.Sub(p.TermAt))
	}
	if p.Instances > 0 {
		m.began[key] = instance{p.Instances, p.StartedAt, p.Running}
	}
}

// Every invariant of machines finds what breaks it.
func TestEveryInvariantOfMachinesCanBreak(t *testing.T) {
	x, err := cluster.New(cluster.Config{Name: "two", Seed: 1, Nodes: nodes(1), Objects: deployments(2)})
	if err != nil {
		t.Fatal(err)
	}
	if err := x.Run(sim.Time(time.Minute)); err != nil {
		t.Fatal(err)
	}
	boxes := x.Sandboxes(1)
	pod := x.Store.Get(boxes[0].Pod.Ref())
	by := sim.ActorID(0)
	for x.Store.History().ActorName(by) != "kubelet/n-0" {
		by++
	}
	deleted := store.Record{Verb: store.Deleted, By: by, Old: pod}
	for want, change := range map[string]func(s *runtime.Sandbox, p *runtime.Process, r *store.Record){
		"":                          func(*runtime.Sandbox, *runtime.Process, *store.Record) {},
		"has its address":           func(s *runtime.Sandbox, _ *runtime.Process, _ *store.Record) { s.IP = boxes[1].IP },
		"it runs without a sandbox": func(s *runtime.Sandbox, _ *runtime.Process, _ *store.Record) { s.Ready = false },
		"instance 2 of":             func(_ *runtime.Sandbox, p *runtime.Process, _ *store.Record) { p.Instances++ },
		"instance 1 began at":       func(_ *runtime.Sandbox, p *runtime.Process, _ *store.Record) { p.StartedAt++ },
		"0 instances after 1":       func(_ *runtime.Sandbox, p *runtime.Process, _ *store.Record) { p.Instances-- },
		"ended at 0s":               func(_ *runtime.Sandbox, p *runtime.Process, _ *store.Record) { p.Running = false },
		"and it runs":               func(_ *runtime.Sandbox, _ *runtime.Process, r *store.Record) { *r = deleted },
		"and never ended": func(_ *runtime.Sandbox, p *runtime.Process, _ *store.Record) {
			p.Instances, p.FinishedAt, p.StartedAt = 2, 1, p.StartedAt+1
		},
		"SIGKILL 1ns after SIGTERM": func(_ *runtime.Sandbox, p *runtime.Process, _ *store.Record) {
			p.Running, p.ExitCode, p.TermAt, p.FinishedAt = false, 137, p.StartedAt, p.StartedAt+1
		},
		"n-0 has admitted": func(s *runtime.Sandbox, _ *runtime.Process, _ *store.Record) {
			spec := *s.Pod.Spec
			spec.Request.CPUMilli = 1 << 30
			s.Allocated = &spec
		},
	} {
		box, p, r := *boxes[0], boxes[0].Processes[0], store.Record{Verb: store.Updated, New: pod}
		m := &machineWatch{x: x, began: map[process]instance{}}
		m.Recorded(&r)
		change(boxes[0], &boxes[0].Processes[0], &r)
		m.Recorded(&r)
		if got := strings.Join(m.broken, "; "); want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		*boxes[0] = box
		boxes[0].Processes[0] = p
	}
}
