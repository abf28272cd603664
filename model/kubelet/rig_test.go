package kubelet_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/apiserver"
	"orrery/model/etcd"
	"orrery/model/kubelet"
	"orrery/model/network"
	"orrery/model/runtime"
	"orrery/model/store"
	"orrery/sim"
)

// rig is one node with everything a kubelet needs, and a user. It checks after
// every record what a kubelet must never do.
type rig struct {
	*sim.Kernel
	t        testing.TB
	store    *store.Store
	net      *network.Network
	registry *runtime.Registry
	server   *apiserver.Server
	kubelet  *kubelet.Kubelet
	node     *model.Node
	site     network.Site
	user     *store.Client
	config   kubelet.Config
}

// Wake implements sim.Actor for the user, who does not wait for answers.
func (r *rig) Wake(_ sim.Time, why sim.Why, about uint64) {
	if why == store.WhyReply {
		r.user.Reply(about)
	}
}

type option func(*rig)

func literal(r *rig) { r.config.Literal = true }

func behaving(b ...runtime.Behavior) option {
	return func(r *rig) { r.config.Behaviors = runtime.Behaviors(b) }
}

func withNode(f func(*model.Node)) option { return func(r *rig) { f(r.node) } }

// newRig is a node of 8 cores and 32 GiB whose kubelet has long been running.
func newRig(t testing.TB, seed uint64, options ...option) *rig {
	r := &rig{t: t, Kernel: sim.New(sim.Config{Seed: seed})}
	r.net = network.New(r.Kernel, network.DefaultProfile())
	r.store = store.New(r.Kernel, r.net)
	control := r.net.AddSite("cp-0", "")
	r.server = apiserver.New(r.Kernel, r.store, apiserver.NewBackend(r.Kernel, r.store, r.net, etcd.Config{Sites: []network.Site{control}}), r.net, control, 4)
	self := r.Register("user", r)
	r.user = r.store.NewClient(store.ClientConfig{Name: "user", As: store.Admin("kubectl"), Actor: self, Site: control})
	size := model.Resources{CPUMilli: 8000, MemoryBytes: 32 << 30, Pods: 110}
	r.node = &model.Node{
		Meta:     model.Meta{Kind: model.KindNode, Name: "n-0", Labels: model.MakeLabels(map[string]string{"disk": "ssd"})},
		Capacity: size, Allocatable: size, Ready: model.Condition{Status: model.True},
		Images: []model.Image{{Name: "web"}},
	}
	r.registry = runtime.NewRegistry(r.Kernel)
	r.config = kubelet.Config{Config: runtime.Config{Registry: r.registry}}
	for _, o := range options {
		o(r)
	}
	if r.config.Literal {
		r.store.Leases().Literal()
	}
	r.store.Create(self, r.node)
	r.site = r.net.AddSite("n-0", "")
	r.kubelet = kubelet.New(r.Kernel, r.store, r.net, r.node, r.site, r.config)
	for _, m := range r.kubelet.Mirrors() {
		r.store.Create(self, m)
	}
	r.store.Observe(r)
	r.kubelet.Start()
	return r
}

// Recorded implements store.Observer: a phase never leaves terminal, an object
// goes after its containers, what runs fits, and SIGKILL comes no earlier than
// 2 s after SIGTERM.
func (r *rig) Recorded(rec *store.Record) {
	old, _ := rec.Old.(*model.Pod)
	now, _ := rec.New.(*model.Pod)
	if old != nil && now != nil && !now.Mirror() && (now.Phase < old.Phase || old.Phase.Terminal() && now.Phase != old.Phase) {
		r.t.Errorf("%v: %s: phase %v after %v", rec.At, now.Name, now.Phase, old.Phase)
	}
	if now != nil && now.IsReady() && now.Phase != model.PodRunning {
		r.t.Errorf("%v: %s: ready in phase %v", rec.At, now.Name, now.Phase)
	}
	if old != nil && now != nil && now.Restarts() < old.Restarts() && len(now.Containers) > 0 { // a pod that is rejected has none
		r.t.Errorf("%v: %s: %d restarts after %d", rec.At, now.Name, now.Restarts(), old.Restarts())
	}
	if rec.Verb == store.Deleted && old != nil && strings.HasPrefix(r.ActorName(rec.By), "kubelet/") && r.alive(old) {
		r.t.Errorf("%v: %s: its object is gone and its containers run", rec.At, old.Name)
	}
	r.checkMachine(rec)
}

// checkMachine recomputes what runs: together it asks for no more than there
// is, as long as their objects are there.
func (r *rig) checkMachine(rec *store.Record) {
	var cpu int64
	for _, s := range r.kubelet.Machine().Sandboxes() {
		if s == nil {
			continue
		}
		if q, _ := r.store.Get(s.Pod.Ref()).(*model.Pod); s.Alive() && s.Admitted && (q != nil || s.Pod.ID >= model.FirstStaticID) { // not if it was rejected later
			cpu += s.Pod.Spec.Covering(s.Allocated).Request.CPUMilli
		}
		for _, p := range s.Processes {
			if killed := p.ExitCode == 137 && p.Cause == runtime.Exited && p.TermAt > p.StartedAt; killed && !p.Running && p.FinishedAt.Sub(p.TermAt) < 2*time.Second {
				r.t.Errorf("%v: %s: killed %v after SIGTERM", rec.At, s.Pod.Name, p.FinishedAt.Sub(p.TermAt))
			}
		}
	}
	if cpu > r.node.Allocatable.CPUMilli {
		r.t.Errorf("%v: pods that ask for %dm run on %dm", rec.At, cpu, r.node.Allocatable.CPUMilli)
	}
}

func (r *rig) alive(p *model.Pod) bool {
	s := r.kubelet.Machine().Sandbox(p.ID)
	return s != nil && s.Alive()
}

// run lets d pass.
func (r *rig) run(d time.Duration) {
	r.t.Helper()
	if err := r.Run(r.Now().Add(d)); err != nil {
		r.t.Fatal(err)
	}
}

// pod is a pod bound to the node: one container "main" of an image that is on
// the node, changed by f.
func (r *rig) pod(name string, f func(*model.PodSpec)) *model.Pod {
	return r.labeled(name, model.MakeLabels(map[string]string{"app": name}), f)
}

// labeled is the same with other labels.
func (r *rig) labeled(name string, labels model.Labels, f func(*model.PodSpec)) *model.Pod {
	spec := &model.PodSpec{
		Containers:   []model.Container{{Name: "main", Image: "web"}},
		GraceSeconds: 30,
	}
	if f != nil {
		f(spec)
	}
	spec.SumRequests()
	p := &model.Pod{
		Meta: model.Meta{Kind: model.KindPod, Namespace: "default", Name: name, Labels: labels},
		Spec: spec, NodeName: "n-0", NodeID: r.node.ID,
	}
	r.user.Create(p, 0)
	return p
}

// shownNode is the node as the API has it.
func (r *rig) shownNode() *model.Node { return r.store.Get(r.node.Ref()).(*model.Node) }

// get is the true version of a pod, nil if it is gone.
func (r *rig) get(p *model.Pod) *model.Pod {
	q, _ := r.store.Get(p.Ref()).(*model.Pod)
	return q
}

// until runs until ok, at most for most, and returns when that was.
func (r *rig) until(what string, most time.Duration, ok func() bool) sim.Time {
	r.t.Helper()
	for end := r.Now().Add(most); r.Now() < end; {
		r.run(10 * time.Millisecond)
		if ok() {
			return r.Now()
		}
	}
	r.t.Fatalf("%v: not within %v: %s\n%s", r.Now(), most, what, r.story())
	return 0
}

// ready waits until the pod is shown Ready.
func (r *rig) ready(p *model.Pod) sim.Time {
	r.t.Helper()
	return r.until(p.Name+" ready", time.Minute, func() bool { q := r.get(p); return q != nil && q.IsReady() })
}

// story is the history as text, without what only says when.
func (r *rig) story() string {
	var b strings.Builder
	h := r.store.History()
	for i := range h.Len() {
		b.WriteString(line(h, h.At(i)))
	}
	return b.String()
}

func line(h *store.History, rec *store.Record) string {
	head := fmt.Sprintf("%d %v %s %v ", rec.At, rec.At, h.ActorName(rec.By), rec.Verb)
	if rec.Note != nil {
		return head + rec.Note.Path() + " " + rec.Note.Reason + ": " + rec.Note.Text() + "\n"
	}
	o := rec.Object()
	head += o.Head().Path()
	if p, ok := o.(*model.Pod); ok {
		head += fmt.Sprintf(" %v %s ip=%x ready=%v containers=%+v", p.Phase, p.Reason, p.IP, p.Ready, p.Containers)
	}
	if n, ok := o.(*model.Node); ok {
		head += fmt.Sprintf(" ready=%v", n.Ready)
	}
	return head + "\n"
}

// notes are the times of the Events of that reason about p.
func (r *rig) notes(p *model.Pod, reason string) []sim.Time { return r.said(p, reason, "") }

// said are the times of the Events of that reason about p whose words begin so.
func (r *rig) said(p *model.Pod, reason, words string) []sim.Time {
	var at []sim.Time
	r.events(p, func(t sim.Time, n *model.Note) {
		if n.Reason == reason && strings.HasPrefix(n.Text(), words) {
			at = append(at, t)
		}
	})
	return at
}

// events gives f all Events about p.
func (r *rig) events(p *model.Pod, f func(sim.Time, *model.Note)) {
	h := r.store.History()
	for i := range h.Len() {
		n := h.At(i).Note
		if n == nil || n.Object() != p.Ref() {
			continue
		}
		for j := range n.Events() {
			event := n.Event(j)
			f(h.At(i).At, &event)
		}
	}
}
