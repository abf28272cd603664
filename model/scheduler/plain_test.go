package scheduler

import (
	"container/heap"
	"fmt"
	"slices"
	"sort"
	"strings"
	"testing"

	"orrery/model"
	"orrery/sim"
)

// plain is the slow twin of search and cache: it keeps lists of nodes and pods,
// adds everything up for every decision, asks every plugin about every node it
// examines, and chooses with container/heap as kube-scheduler v1.35 does.
type plain struct {
	framework  *Framework
	percentage int64
	start      int
	zones      []string // in the order first seen
	joined     []*model.Node
	pods       []plainPod
	services   []*model.Service
	owners     map[model.Ref]*model.Selector
}

type plainPod struct {
	node uint32
	*model.Pod
}

func (p *plain) info(n *model.Node) *NodeInfo {
	i := &NodeInfo{Node: n}
	for _, x := range p.pods {
		if x.node == n.ID {
			i.Pods = append(i.Pods, x.Pod)
			i.UsedPorts = append(i.UsedPorts, portsOf(x.Pod)...)
			i.Requested.add(1, &x.Spec.Request)
			i.NonZeroRequested.MilliCPU += x.Spec.ScoredRequest.CPUMilli
			i.NonZeroRequested.Memory += x.Spec.ScoredRequest.MemoryBytes
		}
	}
	return i
}

func (p *plain) add(n *model.Node) {
	if !slices.Contains(p.zones, n.Zone()) {
		p.zones = append(p.zones, n.Zone())
	}
	p.joined = append(p.joined, n)
}

func (p *plain) remove(id uint32) {
	i := slices.IndexFunc(p.joined, func(n *model.Node) bool { return n.ID == id })
	zone := p.joined[i].Zone()
	p.joined = slices.Delete(p.joined, i, i+1)
	if !slices.ContainsFunc(p.joined, func(n *model.Node) bool { return n.Zone() == zone }) {
		p.zones = slices.DeleteFunc(p.zones, func(z string) bool { return z == zone })
	}
}

func (p *plain) update(n *model.Node) {
	i := slices.IndexFunc(p.joined, func(x *model.Node) bool { return x.ID == n.ID })
	if p.joined[i].Zone() == n.Zone() {
		p.joined[i] = n
		return
	}
	p.remove(n.ID)
	p.add(n)
}

// list interleaves the zones.
func (p *plain) list() (out []*model.Node) {
	byZone := map[string][]*model.Node{}
	for _, n := range p.joined {
		byZone[n.Zone()] = append(byZone[n.Zone()], n)
	}
	for i := 0; len(out) < len(p.joined); i++ {
		for _, z := range p.zones {
			if i < len(byZone[z]) {
				out = append(out, byZone[z][i])
			}
		}
	}
	return out
}

// plainDecision is what both twins answer.
type plainDecision struct {
	node      uint32
	examined  int
	message   string
	rejectors string
}

func (p *plain) decide(pod *model.Pod) plainDecision {
	all := p.list()
	if len(all) == 0 {
		return plainDecision{message: "no nodes available to schedule pods"}
	}
	nodes, skip, rejectors := all, map[string]bool{}, map[string]bool{}
	for _, pl := range p.framework.preFilter {
		r, st := pl.PreFilter(pod)
		if st != nil && st.Code == Skip {
			skip[pl.Name()] = true
			continue
		}
		if st != nil {
			message := fmt.Sprintf("0/%d nodes are available: %s. preemption: 0/%d nodes are available: %d Preemption is not helpful for scheduling.",
				len(all), st.Reasons[0], len(all), len(all))
			return plainDecision{message: message, rejectors: pl.Name()}
		}
		if r.Pinned {
			rejectors[pl.Name()] = true
			nodes = nil
			for _, name := range r.NodeNames {
				for _, n := range all {
					if n.Name == name {
						nodes = append(nodes, n)
					}
				}
			}
		}
	}
	feasible, statuses := p.filter(pod, nodes, skip)
	examined := len(feasible) + len(statuses)
	p.start = (p.start + examined) % len(all)
	if len(feasible) == 0 {
		return plainDecision{examined: examined, message: fitError(p.framework, len(all), statuses, rejectors), rejectors: names(rejectors)}
	}
	if len(feasible) == 1 {
		return plainDecision{node: feasible[0].Node.ID, examined: examined}
	}
	scored := p.prioritize(pod, feasible)
	heap.Init(&scored)
	return plainDecision{node: heap.Pop(&scored).(nodeScore).node, examined: examined}
}

func (p *plain) filter(pod *model.Pod, nodes []*model.Node, skip map[string]bool) (feasible []*NodeInfo, statuses []*Status) {
	quota := numFeasibleNodesToFind(p.percentage, len(nodes))
	for i := range nodes {
		info := p.info(nodes[(p.start+i)%len(nodes)])
		var rejected *Status
		for _, name := range p.framework.filters {
			for _, f := range p.framework.filter {
				if rejected == nil && f.Name() == name && !skip[name] {
					rejected = f.Filter(pod, info)
				}
			}
			if rejected == nil {
				rejected = p.wideFilter(name, pod, info.Node)
			}
		}
		switch {
		case rejected != nil:
			statuses = append(statuses, rejected)
		case len(feasible) == quota:
			return feasible, statuses
		default:
			feasible = append(feasible, info)
		}
	}
	return feasible, statuses
}

func (p *plain) prioritize(pod *model.Pod, feasible []*NodeInfo) nodeScoreHeap {
	out := make(nodeScoreHeap, len(feasible))
	for i, n := range feasible {
		out[i].node = n.Node.ID
	}
	skip := map[string]bool{}
	for _, pl := range p.framework.preScore {
		skip[pl.Name()] = pl.PreScore(pod) != nil
	}
	for _, pl := range p.framework.score {
		if skip[pl.Name()] {
			continue
		}
		scores := make([]int64, len(feasible))
		for i, n := range feasible {
			scores[i] = pl.Score(pod, n)
		}
		if x, ok := pl.ScorePlugin.(ScoreExtensions); ok {
			x.NormalizeScore(scores)
		}
		for i := range scores {
			out[i].total += scores[i] * pl.weight
		}
	}
	for _, s := range p.wideScores(pod, feasible) {
		for i := range s.scores {
			out[i].total += s.scores[i] * s.weight
		}
	}
	return out
}

// fitError words a failure from the statuses of all nodes that were asked.
func fitError(f *Framework, all int, statuses []*Status, rejectors map[string]bool) string {
	reasons, preemption := map[string]int{}, map[string]int{}
	if n := all - len(statuses); n > 0 {
		reasons["node(s) didn't satisfy plugin(s) ["+names(rejectors)+"]"] = n
		preemption["Preemption is not helpful for scheduling"] = n
	}
	for _, st := range statuses {
		rejectors[f.pluginOf(st)] = true
		for _, r := range st.Reasons {
			reasons[r]++
		}
		if st.Code == Unschedulable {
			preemption["No preemption victims found for incoming pod"]++
		} else {
			preemption["Preemption is not helpful for scheduling"]++
		}
	}
	return fmt.Sprintf("0/%d nodes are available: %s. preemption: 0/%d nodes are available: %s.", all, histogram(reasons), all, histogram(preemption))
}

func histogram(counts map[string]int) string {
	var out []string
	for k, n := range counts {
		out = append(out, fmt.Sprintf("%d %s", n, k))
	}
	sort.Strings(out)
	return strings.Join(out, ", ")
}

func names(set map[string]bool) string {
	var out []string
	for k := range set {
		out = append(out, k)
	}
	sort.Strings(out)
	return strings.Join(out, " ")
}

type nodeScore struct {
	node  uint32
	total int64
}

// nodeScoreHeap is ordered as pkg/scheduler/schedule_one.go orders it.
type nodeScoreHeap []nodeScore

func (h nodeScoreHeap) Len() int           { return len(h) }
func (h nodeScoreHeap) Less(i, j int) bool { return h[i].total > h[j].total }
func (h nodeScoreHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *nodeScoreHeap) Push(x any)        { *h = append(*h, x.(nodeScore)) }
func (h *nodeScoreHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}

// chaos makes random clusters, pods and changes.
type chaos struct{ luck sim.Stream }

func (c *chaos) n(below int) int { return int(c.luck.Below(uint64(below))) }

func (c *chaos) one(in int) bool { return c.n(in) == 0 }

func pick[T any](c *chaos, from ...T) T { return from[c.n(len(from))] }

func (c *chaos) node(id uint32) *model.Node {
	labels := map[string]string{"pool": pick(c, "web", "db", "batch"), "disk": pick(c, "1", "2", "3")}
	if !c.one(5) {
		labels[model.LabelZone] = pick(c, "a", "b", "c", "d")
	}
	if !c.one(9) {
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
		out = append(out, model.Taint{Key: pick(c, "team", "spot"), Value: pick(c, "", "x"), Effect: pick(c, model.NoSchedule, model.PreferNoSchedule, model.PreferNoSchedule, model.NoExecute)})
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

// twins are both, in the same world.
type twins struct {
	t     *testing.T
	c     chaos
	fast  *search
	slow  plain
	nodes uint32
	specs []*model.Pod
	born  uint32
	done  int
	unfit int
}

func (w *twins) step() {
	switch k := w.c.n(100); {
	case k < 3:
		w.nodes++
		n := w.c.node(w.nodes)
		w.fast.cache.setNode(n.ID, n)
		w.slow.add(n)
	case k < 5 && len(w.slow.joined) > 1:
		id := w.slow.joined[w.c.n(len(w.slow.joined))].ID
		w.fast.cache.setNode(id, nil)
		w.slow.remove(id)
	case k < 10 && len(w.slow.joined) > 0:
		n := w.c.node(w.slow.joined[w.c.n(len(w.slow.joined))].ID)
		w.fast.cache.setNode(n.ID, n)
		w.slow.update(n)
	case k < 30 && len(w.slow.pods) > 0:
		i := w.c.n(len(w.slow.pods))
		w.fast.cache.removePod(w.slow.pods[i].node, w.slow.pods[i].Pod)
		w.slow.pods = slices.Delete(w.slow.pods, i, i+1)
	case k < 33 && len(w.slow.pods) > 0:
		x := &w.slow.pods[w.c.n(len(w.slow.pods))]
		next := *x.Pod
		if next.DeletionAt = 1; w.c.one(3) {
			next.Labels = w.c.labels()
		}
		w.fast.cache.updatePod(x.node, x.Pod, &next)
		x.Pod = &next
	case k < 35:
		w.service()
	case k < 36:
		w.owner()
	default:
		p := *w.specs[w.c.n(len(w.specs))]
		w.schedule(&p)
	}
}

func (w *twins) schedule(p *model.Pod) {
	w.done++
	start := w.slow.start
	want := w.slow.decide(p)
	d := w.fast.decide(w.fast.classes.of(p))
	got := plainDecision{node: d.node, examined: d.examined}
	if d.failure != nil {
		w.unfit++
		got.message = d.failure.message
		got.rejectors = strings.Trim(w.fast.framework.list(d.failure.rejectors), "[]")
	}
	if got != want {
		w.t.Fatalf("decision %d:\n got %+v\nwant %+v", w.done, got, want)
	}
	if w.fast.nextStartNodeIndex != w.slow.start {
		w.t.Fatalf("decision %d: the next search starts at %d, want %d", w.done, w.fast.nextStartNodeIndex, w.slow.start)
	}
	if w.done%4 == 0 {
		w.account(p, start, d)
	}
	if d.failure == nil {
		w.fast.cache.addPod(d.node, p)
		w.slow.pods = append(w.slow.pods, plainPod{node: d.node, Pod: p})
	}
}

// The remembered verdicts change no decision: on random clusters of up to a few
// hundred nodes that come, go and change, with pods of many shapes that come
// and go, every decision, every message and every start index is the same as
// without them.
func TestDecisionsAreTheSameAsThoseOfThePlainAlgorithm(t *testing.T) {
	total, failed := 0, 0
	for seed := range uint64(24) {
		stream := sim.NewLuck(seed).Stream("chaos")
		w := &twins{t: t, c: chaos{stream}}
		percentage := []int64{0, 0, 100, 30}[w.c.n(4)]
		w.fast = newSearch(0, percentage)
		if w.c.one(3) { // filters in another order
			names := slices.Clone(w.fast.framework.filters)
			for i := len(names) - 1; i > 0; i-- {
				j := w.c.n(i + 1)
				names[i], names[j] = names[j], names[i]
			}
			w.fast.framework.arrange(names)
		}
		if w.c.one(3) {
			w.fast.classes.most = 1000 // most classes forget between two of their pods
		}
		if w.c.one(3) {
			w.fast.cache.talliesMost = 1000 // and most counts are made again
		}
		w.slow = plain{framework: w.fast.framework, percentage: percentage, owners: map[model.Ref]*model.Selector{}}
		for range []int{3, 40, 120, 230}[w.c.n(4)] {
			w.nodes++
			n := w.c.node(w.nodes)
			w.fast.cache.setNode(n.ID, n)
			w.slow.add(n)
		}
		for range 1 + w.c.n(25) {
			w.specs = append(w.specs, w.c.pod())
		}
		for range 500 {
			w.step()
		}
		held := 0
		for _, c := range w.fast.classes.shapes {
			held += len(c.memo)
		}
		if held != w.fast.classes.verdicts {
			t.Errorf("seed %d: %d verdicts are held, %d counted", seed, held, w.fast.classes.verdicts)
		}
		total += w.done
		failed += w.unfit
	}
	t.Logf("%d decisions, %d of them found no node", total, failed)
}

// pluginOf is who made a status.
func (f *Framework) pluginOf(st *Status) string { return strings.Trim(f.list(st.rejector), "[]") }
