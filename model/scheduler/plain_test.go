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
	nominated  []plainPod // those that wait for room on a node
	ties       Ties
	luck       sim.Stream
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
			message := fmt.Sprintf("0/%d nodes are available: %s. no new claims to deallocate, preemption: 0/%d nodes are available: %d Preemption is not helpful for scheduling.",
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
	return plainDecision{node: p.choose(p.prioritize(pod, feasible)), examined: examined}
}

// choose is the node with the highest total.
func (p *plain) choose(scored nodeScoreHeap) uint32 {
	if p.ties == TiesHeap {
		heap.Init(&scored)
		return heap.Pop(&scored).(nodeScore).node
	}
	best := slices.MaxFunc(scored, func(a, b nodeScore) int { return int(a.total - b.total) })
	equals := slices.DeleteFunc(scored, func(x nodeScore) bool { return x.total < best.total })
	switch {
	case p.ties == TiesFirst:
		return slices.MinFunc(equals, func(a, b nodeScore) int { return int(a.node) - int(b.node) }).node
	case len(equals) > 1:
		return equals[p.luck.Below(uint64(len(equals)))].node
	}
	return equals[0].node
}

func (p *plain) filter(pod *model.Pod, nodes []*model.Node, skip map[string]bool) (feasible []*NodeInfo, statuses []*Status) {
	quota := numFeasibleNodesToFind(p.percentage, len(nodes))
	for i := range nodes {
		n := nodes[(p.start+i)%len(nodes)]
		rejected := p.crowded(pod, n, skip)
		if rejected == nil {
			rejected = p.refusal(pod, n, skip)
		}
		info := p.info(n)
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

// refusal is what the first plugin says that refuses a node.
func (p *plain) refusal(pod *model.Pod, n *model.Node, skip map[string]bool) *Status {
	info := p.info(n)
	for _, name := range p.framework.filters {
		for _, f := range p.framework.filter {
			if f.Name() != name || skip[name] {
				continue
			}
			if st := f.Filter(pod, info); st != nil {
				return st
			}
		}
		if st := p.wideFilter(name, pod, n); st != nil {
			return st
		}
	}
	return nil
}

// crowded is the refusal with the nominated pods on the node that come first.
func (p *plain) crowded(pod *model.Pod, n *model.Node, skip map[string]bool) *Status {
	there := p.pods
	for _, x := range p.nominated {
		if x.node == n.ID && x.Spec.Priority >= pod.Spec.Priority {
			p.pods = append(slices.Clone(p.pods), x)
		}
	}
	defer func() { p.pods = there }()
	if len(p.pods) == len(there) {
		return nil
	}
	return p.refusal(pod, n, skip)
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
	return fmt.Sprintf("0/%d nodes are available: %s. no new claims to deallocate, preemption: 0/%d nodes are available: %s.", all, histogram(reasons), all, histogram(preemption))
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

// twins are both, in the same world.
type twins struct {
	t     *testing.T
	c     chaos
	fast  *search
	slow  plain
	nodes uint32
	specs []*model.Pod
	done  int
	unfit int
	// How many decisions were about named nodes, listed the feasible ones, scored
	// by spreading alone, or chose among many equals.
	pinned, listed, spread, many int
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
	case k < 40:
		w.nominate()
	default:
		p := *w.specs[w.c.n(len(w.specs))]
		w.schedule(&p)
	}
}

// nominate lets a pod wait for room in both worlds, or no more.
func (w *twins) nominate() {
	if n := len(w.slow.nominated); n > 5 || n > 0 && w.c.one(2) {
		x := w.slow.nominated[0]
		w.fast.nominate(x.Pod, x.node, 0)
		w.slow.nominated = w.slow.nominated[1:]
		return
	}
	p := *w.specs[w.c.n(len(w.specs))]
	spec := *p.Spec
	spec.Priority = pick(&w.c, int32(-1), 0, 10)
	p.ID, p.Spec = uint32(w.done), &spec
	node := uint32(1 + w.c.n(int(w.nodes)))
	w.fast.nominate(&p, 0, node)
	w.slow.nominated = append(w.slow.nominated, plainPod{node: node, Pod: &p})
}

// count notes which way a decision went.
func (w *twins) count(c *class) {
	switch s := w.fast; {
	case c.pinned:
		w.pinned++
	case s.listed:
		w.listed++
	case len(s.spans) > 0 && c.spread.view != nil:
		w.spread++
	case len(s.spans) > 0 && s.leave(c) > 64:
		w.many++
	}
}

func (w *twins) schedule(p *model.Pod) {
	w.done++
	start := w.slow.start
	want := w.slow.decide(p)
	c := w.fast.classes.of(p)
	d := w.fast.decide(c)
	w.count(c)
	got := plainDecision{node: d.node, examined: d.examined}
	if d.failure != nil {
		w.unfit++
		got.message = d.failure.message
		got.rejectors = strings.Trim(w.fast.framework.list(d.failure.rejectors), "[]")
	}
	if got != want {
		w.t.Fatalf("decision %d, ties %d:\n got %+v\nwant %+v", w.done, w.fast.ties, got, want)
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

// newTwins is a random cluster twice.
func newTwins(t *testing.T, seed uint64) *twins {
	luck := sim.NewLuck(seed)
	w := &twins{t: t, c: chaos{luck: luck.Stream("chaos")}}
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
	w.c.even = w.c.one(3)
	w.slow = plain{framework: w.fast.framework, percentage: percentage, owners: map[model.Ref]*model.Selector{}}
	w.fast.ties = pick(&w.c, TiesHeap, TiesHeap, TiesFirst, TiesRandom)
	w.slow.ties, w.slow.luck = w.fast.ties, luck.Stream("ties")
	draws := luck.Stream("ties")
	w.fast.luck = &draws
	for range []int{3, 40, 120, 230}[w.c.n(4)] {
		w.nodes++
		n := w.c.node(w.nodes)
		w.fast.cache.setNode(n.ID, n)
		w.slow.add(n)
	}
	for range 1 + w.c.n(25) {
		w.specs = append(w.specs, w.c.pod())
	}
	return w
}

// What shapes remember changes no decision: on random clusters of up to a few
// hundred nodes that come, go and change, with pods of many shapes that come,
// go and wait for room, every decision, every message and every start index is
// the same as without, whoever wins ties.
func TestDecisionsAreTheSameAsThoseOfThePlainAlgorithm(t *testing.T) {
	var sum twins
	for seed := range uint64(30) {
		w := newTwins(t, seed)
		for range 400 {
			w.step()
		}
		held := 0
		for _, c := range w.fast.classes.shapes {
			held += len(c.board.verdicts)
		}
		if held != w.fast.classes.verdicts {
			t.Errorf("seed %d: %d verdicts are held, %d counted", seed, held, w.fast.classes.verdicts)
		}
		sum.done += w.done
		sum.unfit += w.unfit
		sum.pinned += w.pinned
		sum.listed += w.listed
		sum.spread += w.spread
		sum.many += w.many
	}
	t.Logf("%d decisions: %d found no node, %d were about named nodes, %d listed the feasible ones, %d were only spread, %d had more than 64 equals",
		sum.done, sum.unfit, sum.pinned, sum.listed, sum.spread, sum.many)
	if min(sum.unfit, sum.pinned, sum.listed, sum.spread, sum.many) < 100 {
		t.Error("some kinds of decisions are too few")
	}
}

// pluginOf is who made a status.
func (f *Framework) pluginOf(st *Status) string { return strings.Trim(f.list(st.rejector), "[]") }
