package autoscaler

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"orrery/model"
	"orrery/model/cloud"
	"orrery/sim"
)

// supposed is a pod that the filters were told of and that is not there.
type supposed struct {
	node uint32
	pod  *model.Pod
}

// suppose puts a pod on a node, until unsuppose.
func (a *Autoscaler) suppose(node uint32, pod *model.Pod) {
	a.filters.Put(node, pod)
	a.view.supposed = append(a.view.supposed, supposed{node, pod})
}

// makeUp adds a node that a group could have, with the pods that DaemonSets would
// put on it, until unsuppose.
func (a *Autoscaler) makeUp(group int) uint32 {
	n := a.session.Template(group)
	n.ID = max(a.virtual, uint32(a.view.nodes.Len())+1)
	n.Name = fmt.Sprintf("template-node-for-%s-%d", n.Group, n.ID)
	a.virtual = n.ID + 1
	a.filters.SetNode(n)
	a.view.madeUp = append(a.view.madeUp, n.ID)
	for id := range a.view.sets.Len() {
		d := *a.view.sets.Row(uint32(id))
		if d == nil || d.Deleting() {
			continue
		}
		p := &model.Pod{Meta: model.Meta{Kind: model.KindPod, Namespace: d.Namespace, Name: d.Name, Labels: d.Template.Labels, Owner: d.Ref()}, Spec: d.Template.Spec, NodeName: d.Template.Spec.NodeName}
		if a.filters.Refusal(p, n.ID) == "" {
			a.suppose(n.ID, p)
		}
	}
	return n.ID
}

// unsuppose takes back everything that was supposed since a mark.
func (a *Autoscaler) unsupposeFrom(pods, nodes int) {
	for _, s := range slices.Backward(a.view.supposed[pods:]) {
		a.filters.Take(s.node, s.pod)
	}
	for _, id := range a.view.madeUp[nodes:] {
		a.filters.RemoveNode(id)
	}
	a.view.supposed, a.view.madeUp = a.view.supposed[:pods], a.view.madeUp[:nodes]
}

func (a *Autoscaler) unsuppose() {
	a.unsupposeFrom(0, 0)
	a.virtual = 0
}

// unbound is a pod as it would be without its node.
func unbound(p *model.Pod) *model.Pod {
	c := *p
	c.NodeName, c.NodeID, c.Devices = "", 0, 0
	return &c
}

// toHelp is the pods that fit nowhere, not even on machines that are on their way.
// fitting tells whether some do: the scheduler has not got round to them
// (core/podlistprocessor/filter_out_schedulable.go).
func (a *Autoscaler) toHelp(sim.Time) (pods []*model.Pod, fitting bool) {
	var waiting []*model.Pod
	for _, id := range a.view.pending {
		if p := *a.view.pods.Row(id); p.Spec.Priority >= expendable {
			waiting = append(waiting, p)
		}
	}
	if len(waiting) == 0 {
		return nil, false
	}
	for i := range a.groups {
		for range a.groups[i].upcoming {
			a.makeUp(i)
		}
	}
	slices.SortStableFunc(waiting, func(x, y *model.Pod) int { return cmp.Compare(y.Spec.Priority, x.Spec.Priority) })
	stuck := map[likeness]bool{} // what one pod was told, one like it would be told, too
	for _, p := range waiting {
		key := likenessOf(p)
		if node := uint32(0); !stuck[key] {
			if node = a.anywhere(p); node != 0 {
				a.suppose(node, unbound(p))
				fitting = true
				continue
			}
			stuck[key] = !crowding(p)
		}
		pods = append(pods, p)
	}
	return pods, fitting
}

// likeness is what pods have in common that the filters answer equally.
//
//tidy:key compared as a whole
type likeness struct {
	spec      *model.PodSpec
	owner     model.Ref
	namespace string
}

func likenessOf(p *model.Pod) likeness { return likeness{p.Spec, p.Owner, p.Namespace} }

// crowding tells whether a pod may fit where one like it did not, because others
// have been placed since.
func crowding(p *model.Pod) bool {
	return p.Spec.Placement != nil && len(p.Spec.Placement.Affinity) > 0
}

// anywhere is the first node that can take a pod, also of those made up, 0 if there
// is none. It begins where the last search ended (clustersnapshot/predicate
// plugin_runner.go RunFiltersUntilPassingNode).
func (a *Autoscaler) anywhere(p *model.Pod) uint32 {
	nodes := a.view.nodes.Len()
	all := nodes + len(a.view.madeUp)
	for i := range all {
		at := (a.view.from + i) % all
		id := uint32(at)
		if at >= nodes {
			id = a.view.madeUp[at-nodes]
		} else if !a.stays(id) {
			continue
		}
		if a.filters.Refusal(p, id) == "" {
			a.view.from = at
			return id
		}
	}
	return 0
}

// stays tells whether there is such a node, and it would not go.
func (a *Autoscaler) stays(id uint32) bool {
	row := a.view.nodes.Row(id)
	return row.node != nil && row.deletion == nil && !row.leaving
}

// kin is pods that are alike (core/scaleup/equivalence/groups.go).
type kin struct {
	likeness
	pods  []*model.Pod
	score int64 // how much of a template they take, in millionths
}

// option is a group and how many of its nodes would help whom.
type option struct {
	group int
	nodes int
	pods  []*model.Pod
}

// scaleUp asks the best group for more machines. It is false if none would help;
// then the pods are told (core/scaleup/orchestrator/orchestrator.go).
func (a *Autoscaler) scaleUp(now sim.Time, pods []*model.Pod) bool {
	kins := alike(pods)
	state := a.session.State()
	why := make([]map[string]int, len(kins))
	var options []option
	for i := range state {
		if o := a.option(now, i, &state[i], kins, why); o.nodes > 0 {
			options = append(options, o)
		}
	}
	if len(options) == 0 {
		a.tellWhy(kins, why)
		return false
	}
	best := a.choose(now, options, state)
	s := &state[best.group]
	size := min(s.Target+best.nodes, s.Max)
	a.await(a.session.Resize(best.group, size), func(answered sim.Time, ok bool) { a.resized(answered, best, s, size, ok) })
	return true
}

// resized goes on when the provider has answered.
func (a *Autoscaler) resized(answered sim.Time, o option, s *cloud.GroupState, size int, ok bool) {
	g, now := &a.groups[o.group], a.ticks.Phase
	if !ok {
		a.about(s.Name, true, "FailedToScaleUpGroup", fmt.Sprintf("Scale-up failed for group %s: the cloud provider refuses the call", s.Name))
		g.backOff(now)
		a.end(answered)
		return
	}
	a.about(s.Name, false, ReasonScaledUp, fmt.Sprintf("Scale-up: group %s size set to %d instead of %d (max: %d)", s.Name, size, s.Target, s.Max))
	for _, p := range o.pods {
		a.client.Note(p, false, "TriggeredScaleUp", fmt.Sprintf("pod triggered scale-up: [{%s %d->%d (max: %d)}]", s.Name, s.Target, size, s.Max))
	}
	g.askedAt, g.upcoming = now, g.upcoming+size-s.Target
	a.scaledUpAt, a.moved = now, true
	a.end(answered)
}

// ReasonScaledUp is the reason of the note about a group that was made larger.
const ReasonScaledUp = "ScaledUpGroup"

func alike(pods []*model.Pod) []kin {
	var kins []kin
	at := map[likeness]int{}
	for _, p := range pods {
		key := likenessOf(p)
		i, known := at[key]
		if !known || p.Owner.IsZero() {
			i = len(kins)
			at[key] = i
			kins = append(kins, kin{likeness: key})
		}
		kins[i].pods = append(kins[i].pods, p)
	}
	return kins
}

// option tries out how many nodes of a group would help whom.
func (a *Autoscaler) option(now sim.Time, i int, s *cloud.GroupState, kins []kin, why []map[string]int) option {
	skip := ""
	switch {
	case now < a.groups[i].until:
		skip = "in backoff after failed scale-up"
	case s.Target >= s.Max:
		skip = "max node group size reached"
	}
	pods, nodes := len(a.view.supposed), len(a.view.madeUp)
	defer func() { a.unsupposeFrom(pods, nodes) }()
	var fitting []*kin
	first := a.makeUp(i)
	for k := range kins {
		reason := skip
		if reason == "" {
			reason = a.filters.Refusal(kins[k].pods[0], first)
		}
		if reason == "" {
			kins[k].score = share(kins[k].pods[0], &s.Group.Size)
			fitting = append(fitting, &kins[k])
			continue
		}
		if why[k] == nil {
			why[k] = map[string]int{}
		}
		why[k][reason]++
	}
	a.unsupposeFrom(pods, nodes)
	if len(fitting) == 0 {
		return option{}
	}
	slices.SortStableFunc(fitting, func(x, y *kin) int { return cmp.Compare(y.score, x.score) })
	o := a.pack(i, fitting, min(s.Max-s.Target, maxNodesPerScaleUp))
	return o
}

// share is how much of a node a pod takes (estimator/decreasing_pod_orderer.go).
func share(p *model.Pod, has *model.Resources) (millionths int64) {
	if has.CPUMilli > 0 {
		millionths += p.Spec.Request.CPUMilli * 1_000_000 / has.CPUMilli
	}
	if has.MemoryBytes > 0 {
		millionths += p.Spec.Request.MemoryBytes / (has.MemoryBytes/1_000_000 + 1)
	}
	return millionths
}

// pack puts pods on new nodes, the largest first: on the first of those that were
// added which can take it, from where the last one went, else on one more
// (estimator/binpacking_estimator.go).
func (a *Autoscaler) pack(group int, kins []*kin, most int) option {
	o := option{group: group}
	base, last := len(a.view.madeUp), 0
	for _, k := range kins {
		for _, p := range k.pods {
			c := unbound(p)
			added := a.view.madeUp[base:]
			node := uint32(0)
			for i := range added {
				at := (last + i) % len(added)
				if a.filters.Refusal(c, added[at]) == "" {
					node, last = added[at], at
					break
				}
			}
			if node == 0 {
				if len(added) == most {
					break
				}
				n := a.makeUp(group)
				if a.filters.Refusal(c, n) != "" {
					a.dropEmpty(n)
					break
				}
				node, last = n, len(added)
			}
			a.suppose(node, c)
			o.pods = append(o.pods, p)
		}
	}
	o.nodes = len(a.view.madeUp) - base
	return o
}

// dropEmpty takes back the node that was made up last.
func (a *Autoscaler) dropEmpty(node uint32) {
	pods := len(a.view.supposed)
	for pods > 0 && a.view.supposed[pods-1].node == node {
		pods--
	}
	a.unsupposeFrom(pods, len(a.view.madeUp)-1)
}

// tellWhy tells pods that no group would help them. What a pod was told last is
// not said again
// (processors/status/eventing_scale_up_processor.go; Kubernetes counts repeated
// Events instead).
func (a *Autoscaler) tellWhy(kins []kin, why []map[string]int) {
	for k := range kins {
		var parts []string
		for reason, n := range why[k] { //tidy:sorted below
			parts = append(parts, fmt.Sprintf("%d %s", n, reason))
		}
		slices.Sort(parts)
		message := "pod didn't trigger scale-up: " + strings.Join(parts, ", ")
		for _, p := range kins[k].pods {
			if told := a.view.told.Row(p.ID); *told != message {
				*told = message
				a.client.Note(p, false, "NotTriggerScaleUp", message)
			}
		}
	}
}
