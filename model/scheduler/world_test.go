package scheduler

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/apiserver"
	"orrery/model/etcd"
	"orrery/model/network"
	"orrery/model/store"
	"orrery/sim"
)

// world is a control plane of one API server and the scheduler, with a person
// who writes through the API server.
type world struct {
	t         testing.TB
	kernel    *sim.Kernel
	store     *store.Store
	net       *network.Network
	site      network.Site
	scheduler *Scheduler
	client    *store.Client
	person    sim.ActorID
}

func (w *world) Wake(now sim.Time, why sim.Why, about uint64) {
	if r, ok := w.client.Reply(about); ok && why == store.WhyReply && r.Refusal != store.Accepted {
		w.t.Errorf("%v: %v was refused: %v", now, r.Op, r.Refusal)
	}
}

func newWorld(t testing.TB, c Config, nodes ...*model.Node) *world {
	return newSeededWorld(t, 1, c, nodes...)
}

func newSeededWorld(t testing.TB, seed uint64, c Config, nodes ...*model.Node) *world {
	t.Helper()
	k := sim.New(sim.Config{Seed: seed})
	w := &world{t: t, kernel: k, net: network.New(k, network.DefaultProfile())}
	w.site = w.net.AddSite("cp-0", "a")
	w.store = store.New(k, w.net)
	apiserver.New(k, w.store, apiserver.NewBackend(k, w.store, w.net, etcd.Config{Sites: []network.Site{w.site}}), w.net, w.site, 4)
	w.person = k.Register("person", w)
	w.client = w.store.NewClient(store.ClientConfig{Name: "person", As: store.Admin("kubectl"), Actor: w.person, Site: w.site})
	for _, n := range nodes {
		w.store.Create(w.person, n)
	}
	w.scheduler = New(k, w.store, w.site, c)
	w.scheduler.Start()
	return w
}

// run lets time pass until at.
func (w *world) run(at time.Duration) {
	w.t.Helper()
	if err := w.kernel.Run(sim.Time(at)); err != nil {
		w.t.Fatal(err)
	}
}

// add makes a pod true at this instant.
func (w *world) add(p *model.Pod) *model.Pod {
	w.t.Helper()
	if r := w.store.Create(w.person, p); r != store.Accepted {
		w.t.Fatalf("%s: %v", p.Name, r)
	}
	return p
}

// remove takes an object away at this instant.
func (w *world) remove(o model.Object) { w.store.Delete(w.person, o.Head().Ref()) }

// change makes a changed version of an object true at this instant.
func change[T model.Object](w *world, o T, f func(T)) T {
	next := w.store.Get(o.Head().Ref()).Copy().(T)
	f(next)
	w.store.Update(w.person, next)
	return next
}

// pod is the pod's true version.
func (w *world) pod(p *model.Pod) *model.Pod { return w.store.Get(p.Ref()).(*model.Pod) }

// notes is what was said about an object, each with the second it was said in.
func (w *world) notes(o model.Object) (out []string) {
	h := w.store.History()
	for i := range h.Len() {
		if r := h.At(i); r.Verb == store.Noted && r.Note.Object() == o.Head().Ref() {
			out = append(out, r.Note.Reason+": "+r.Note.Message)
		}
	}
	return out
}

// attempts is when a pod was told that it fits nowhere.
func (w *world) attempts(o model.Object) (at []sim.Time) {
	h := w.store.History()
	for i := range h.Len() {
		if r := h.At(i); r.Verb == store.Noted && r.Note.Object() == o.Head().Ref() && r.Note.Reason == "FailedScheduling" {
			at = append(at, r.At)
		}
	}
	return at
}

// boundAt is when the pod was bound, 0 if it was not.
func (w *world) boundAt(p *model.Pod) sim.Time {
	if s := w.pod(p).Scheduled; s.Status == model.True {
		return s.SinceAt
	}
	return 0
}

func (w *world) wantNode(p *model.Pod, node string) {
	w.t.Helper()
	if got := w.pod(p).NodeName; got != node {
		w.t.Errorf("%s is on %q, want %q; notes: %s", p.Name, got, node, strings.Join(w.notes(p), " | "))
	}
}

const gib = 1 << 30

// node is a machine in a zone ("" is none) of so many milli-CPU and GiB.
func node(name, zone string, cpuMilli, memoryGiB int64) *model.Node {
	labels := map[string]string{model.LabelHostname: name}
	if zone != "" {
		labels[model.LabelZone] = zone
	}
	return &model.Node{
		Meta:        model.Meta{Kind: model.KindNode, Name: name, Labels: model.MakeLabels(labels)},
		Allocatable: model.Resources{CPUMilli: cpuMilli, MemoryBytes: memoryGiB * gib, EphemeralBytes: 100 * gib, Pods: 110},
		Ready:       model.Condition{Status: model.True},
	}
}

func nodes(n int, cpuMilli, memoryGiB int64) (out []*model.Node) {
	for i := range n {
		out = append(out, node(fmt.Sprintf("n-%d", i), "", cpuMilli, memoryGiB))
	}
	return out
}

func spec(cpuMilli, memoryBytes int64, edits ...func(*model.PodSpec)) *model.PodSpec {
	s := &model.PodSpec{
		Containers:    []model.Container{{Name: "main", Image: "app:1", Requests: model.Resources{CPUMilli: cpuMilli, MemoryBytes: memoryBytes}}},
		GraceSeconds:  30,
		SchedulerName: Name,
	}
	for _, e := range edits {
		e(s)
	}
	s.SumRequests()
	return apiserver.WithDefaultTolerations(s)
}

func pod(name string, s *model.PodSpec) *model.Pod {
	return &model.Pod{Meta: model.Meta{Kind: model.KindPod, Namespace: "default", Name: name}, Spec: s}
}

// charge adds a pod of a spec to a node, or with sign -1 takes one off.
func (c *cache) charge(id uint32, spec *model.PodSpec, sign int) {
	if sign > 0 {
		c.addPod(id, &model.Pod{Spec: spec})
		return
	}
	for _, p := range c.row(id).Pods {
		if p.Spec == spec {
			c.removePod(id, p)
			return
		}
	}
}
