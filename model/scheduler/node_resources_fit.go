package scheduler

import "orrery/model"

// nodeResourcesFit refuses nodes without room for the pod's requests and
// prefers those that its strategy rates best
// (pkg/scheduler/framework/plugins/noderesources/fit.go).
type nodeResourcesFit struct {
	handle   *Handle
	args     FitArgs
	scalars  []string             // extended resources that were ever short
	statuses map[shortage]*Status // one for each combination
}

// shortage is what a node is short of, as bits: those below, then one for each
// of scalars. The top bit says that the pod asks for more than the whole node.
type shortage uint64

const (
	shortPods shortage = 1 << iota
	shortCPU
	shortMemory
	shortEphemeral
	firstScalar

	tooSmall shortage = 1 << 63
)

func newNodeResourcesFit(h *Handle) Plugin {
	return &nodeResourcesFit{handle: h, args: h.profile.Fit.withDefaults(), statuses: map[shortage]*Status{}}
}

func (*nodeResourcesFit) Name() string { return "NodeResourcesFit" }

// SignPod implements SignPlugin.
func (*nodeResourcesFit) SignPod(key []byte, pod *model.Pod) []byte {
	key = signResources(key, &pod.Spec.Request)
	key = signNumber(key, pod.Spec.ScoredRequest.CPUMilli)
	return signNumber(key, pod.Spec.ScoredRequest.MemoryBytes)
}

// Filter implements FilterPlugin. It collects everything that is short.
func (p *nodeResourcesFit) Filter(pod *model.Pod, node *NodeInfo) *Status {
	if s := p.shortage(&pod.Spec.Request, node); s != 0 {
		return p.status(s)
	}
	return nil
}

func (p *nodeResourcesFit) shortage(want *model.Resources, node *NodeInfo) (s shortage) {
	all, used := &node.Node.Allocatable, &node.Requested
	if int64(len(node.Pods))+1 > all.Pods {
		s |= shortPods
	}
	s |= short(shortCPU, want.CPUMilli, all.CPUMilli, used.MilliCPU)
	s |= short(shortMemory, want.MemoryBytes, all.MemoryBytes, used.Memory)
	s |= short(shortEphemeral, want.EphemeralBytes, all.EphemeralBytes, used.EphemeralStorage)
	for i := range want.Extended {
		x := &want.Extended[i]
		if !p.args.ignores(x.Name) && short(1, x.Count, all.ExtendedCount(x.Name), used.scalar(x.Name)) != 0 {
			s |= short(p.scalarBit(x.Name), x.Count, all.ExtendedCount(x.Name), used.scalar(x.Name))
		}
	}
	return s
}

func short(bit shortage, want, all, used int64) shortage {
	switch {
	case want <= 0 || want <= all-used:
		return 0
	case want > all:
		return bit | tooSmall
	}
	return bit
}

func (p *nodeResourcesFit) scalarBit(name string) shortage {
	for i, n := range p.scalars {
		if n == name {
			return firstScalar << i
		}
	}
	p.scalars = append(p.scalars, name)
	bit := firstScalar << (len(p.scalars) - 1)
	if bit >= tooSmall || bit == 0 {
		panic("scheduler: more kinds of extended resources than a shortage has bits")
	}
	return bit
}

// status words a shortage. kube-scheduler lists extended resources in the
// random order of a map; here it is the order in which they were first short.
func (p *nodeResourcesFit) status(s shortage) *Status {
	if st := p.statuses[s]; st != nil {
		return st
	}
	code, words := Unschedulable, []string(nil)
	if s&tooSmall != 0 {
		code = UnschedulableAndUnresolvable
	}
	for i, w := range [...]string{"Too many pods", "Insufficient cpu", "Insufficient memory", "Insufficient ephemeral-storage"} {
		if s&(1<<i) != 0 {
			words = append(words, w)
		}
	}
	for i, n := range p.scalars {
		if s&(firstScalar<<i) != 0 {
			words = append(words, "Insufficient "+n)
		}
	}
	st := p.handle.Status(p.Name(), code, words...)
	p.statuses[s] = st
	return st
}

// EventsToRegister implements EnqueueExtensions. Any pod that leaves any node
// is worth another attempt, whatever its size; a node is if the pod would fit
// it empty and it is new or has grown in something the pod asks for; a pod that is
// resized is if it gives up something of that, and for itself in any case.
func (p *nodeResourcesFit) EventsToRegister() []ClusterEventWithHint {
	return []ClusterEventWithHint{
		{Event: AssignedPodDelete},
		{AssignedPodScaleDown, func(pod *model.Pod, e *Event) bool {
			want, was, is := &pod.Spec.Request, &e.OldPod.Counted().Request, &e.Pod.Counted().Request
			return want.CPUMilli > 0 && is.CPUMilli < was.CPUMilli || want.MemoryBytes > 0 && is.MemoryBytes < was.MemoryBytes
		}},
		{PodUpdateScaleDown, func(pod *model.Pod, e *Event) bool { return pod.ID == e.Pod.ID }},
		{NodeAdd | NodeUpdateAllocatable, func(pod *model.Pod, e *Event) bool {
			empty := NodeInfo{Node: e.NewNode}
			if p.shortage(&pod.Spec.Request, &empty) != 0 {
				return false
			}
			return e.OldNode == nil || grown(&pod.Spec.Request, &e.OldNode.Allocatable, &e.NewNode.Allocatable)
		}},
	}
}

func grown(want, from, to *model.Resources) bool {
	if to.Pods > from.Pods ||
		want.CPUMilli > 0 && to.CPUMilli > from.CPUMilli ||
		want.MemoryBytes > 0 && to.MemoryBytes > from.MemoryBytes ||
		want.EphemeralBytes > 0 && to.EphemeralBytes > from.EphemeralBytes {
		return true
	}
	for i := range want.Extended {
		x := &want.Extended[i]
		if x.Count > 0 && to.ExtendedCount(x.Name) > from.ExtendedCount(x.Name) {
			return true
		}
	}
	return false
}
