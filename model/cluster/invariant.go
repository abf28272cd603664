package cluster

import (
	"fmt"
	"math/bits"

	"orrery/model"
	"orrery/model/store"
)

// Invariants checks, after every record, what must hold in every cluster
// whatever happens to it. It watches the truth from its first record on and
// recomputes its own sums, so it is the slow twin of every count a component
// keeps.
type Invariants struct {
	// Broken is what did not hold, in the order it was found; at most a few.
	Broken []string

	revision int64
	last     *store.Record
	used     store.Table[usage]
	gpus     map[gpu]int64 // milli that the pods have that were told to have it

	// back tells which pods a restored backup brought back. Their machine may have
	// forgotten them, and then counts their restarts from 0 again: the count is the
	// container runtime's (pkg/kubelet/kuberuntime/kuberuntime_container.go startContainer).
	back store.Table[bool]
}

// usage is what the pods bound to a node ask for, and what the node can hold.
type usage struct {
	cpu, memory, pods int64
	node              *model.Node // as it is; nil if there is none
	byHand            bool        // a pod came bound to it, for which nobody checked the room
}

// over tells what is more than the node can hold, or "".
func (u *usage) over() string {
	n := u.node
	if n == nil || u.byHand || u.cpu <= n.Allocatable.CPUMilli && u.memory <= n.Allocatable.MemoryBytes && u.pods <= n.Allocatable.Pods {
		return ""
	}
	return fmt.Sprintf("%s is overcommitted: %dm of %dm CPU, %d of %d bytes, %d of %d pods",
		n.Path(), u.cpu, n.Allocatable.CPUMilli, u.memory, n.Allocatable.MemoryBytes, u.pods, n.Allocatable.Pods)
}

// gpu is a device of a node.
//
//tidy:key compared as a whole
type gpu struct {
	node   uint32
	device int
}

const brokenMost = 10

// Watch checks everything that happened in s, and everything that will.
func Watch(s *store.Store) *Invariants {
	v := &Invariants{}
	for h, i := s.History(), 0; i < h.Len(); i++ {
		v.Recorded(h.At(i))
	}
	s.Observe(v)
	return v
}

// Recorded implements store.Observer.
func (v *Invariants) Recorded(r *store.Record) {
	if v.last != nil && r.At < v.last.At {
		v.fail(r, "time went back from %v", v.last.At)
	}
	v.last = r
	if r.Restored {
		v.revision = r.Revision
	}
	if r.Verb == store.Noted {
		return
	}
	if r.Revision != v.revision+1 && !r.Restored {
		v.fail(r, "revision %d follows %d", r.Revision, v.revision)
	}
	v.revision = r.Revision
	if r.New != nil && r.Old != nil && !r.Restored {
		v.identity(r)
	}
	switch o := r.Object().(type) {
	case *model.Pod:
		v.pod(r)
	case *model.Node:
		v.node(r, o)
	case *model.PodDisruptionBudget:
		if !r.Restored {
			v.budget(r)
		}
	}
}

// budget checks that an eviction, which leaves the spec and what was observed
// alone, takes exactly one from what a budget allows.
func (v *Invariants) budget(r *store.Record) {
	old, _ := r.Old.(*model.PodDisruptionBudget)
	now, _ := r.New.(*model.PodDisruptionBudget)
	switch {
	case now == nil:
	case now.Allowed < 0 || now.Allowed > now.Healthy:
		v.fail(r, "allows %d disruptions of %d healthy pods", now.Allowed, now.Healthy)
	case old != nil && len(now.Disrupted) > len(old.Disrupted) && (len(now.Disrupted) != len(old.Disrupted)+1 || now.Allowed != old.Allowed-1):
		v.fail(r, "%d disrupted after %d, %d allowed after %d", len(now.Disrupted), len(old.Disrupted), now.Allowed, old.Allowed)
	}
}

func (v *Invariants) fail(r *store.Record, format string, a ...any) {
	if len(v.Broken) == brokenMost {
		return
	}
	about := ""
	if o := r.Object(); o != nil {
		about = " " + o.Head().Path()
	}
	v.Broken = append(v.Broken, fmt.Sprintf("%v%s: ", r.At, about)+fmt.Sprintf(format, a...))
}

func (v *Invariants) identity(r *store.Record) {
	old, now := r.Old.Head(), r.New.Head()
	if old.Name != now.Name || old.Namespace != now.Namespace || old.CreatedAt != now.CreatedAt {
		v.fail(r, "its identity changed")
	}
	if old.Deleting() && (!now.Deleting() || now.GraceSeconds > old.GraceSeconds) {
		v.fail(r, "a deletion was taken back or given more grace: %d s after %d s", now.GraceSeconds, old.GraceSeconds)
	}
	if now.Generation < old.Generation {
		v.fail(r, "generation %d after %d", now.Generation, old.Generation)
	}
}

func (v *Invariants) pod(r *store.Record) {
	old, _ := r.Old.(*model.Pod)
	now, _ := r.New.(*model.Pod)
	switch {
	case now == nil:
	case r.Restored:
		*v.back.Row(now.ID) = true
	case old != nil:
		v.podMoves(r, old, now)
	}
	v.charge(old, -1)
	v.charge(now, 1)
	if now == nil || now.NodeID == 0 {
		return
	}
	u := v.used.Row(now.NodeID)
	u.byHand = u.byHand || old == nil || r.Restored
	if over := u.over(); over != "" && old.NodeID == 0 {
		v.fail(r, "bound, and %s", over)
	}
	if now.Devices != 0 && old != nil && old.Devices == 0 {
		v.devices(r, now, u.byHand)
	}
}

func (v *Invariants) node(r *store.Record, n *model.Node) {
	u := v.used.Row(n.ID)
	if u.node = n; r.New == nil {
		u.node = nil
	}
}

// devices checks what a pod was told to have of a node's GPUs.
func (v *Invariants) devices(r *store.Record, p *model.Pod, byHand bool) {
	if int64(bits.OnesCount64(p.Devices)) != p.Spec.GPU.Devices {
		v.fail(r, "it wants %d GPUs and got %s", p.Spec.GPU.Devices, model.DeviceIndexes(p.Devices))
	}
	for set := p.Devices; set != 0; set &= set - 1 {
		i := bits.TrailingZeros64(set)
		if used := v.gpus[gpu{p.NodeID, i}]; used > model.GPUMilli && !byHand {
			v.fail(r, "GPU %d of %s is overcommitted: %d milli", i, p.NodeName, used)
		}
	}
}

// podMoves checks what Kubernetes promises of a pod's life: a phase only moves
// forward, but of mirror pods, a binding is for ever, and restarts are not forgotten,
// unless the pod is rejected when its kubelet starts again.
func (v *Invariants) podMoves(r *store.Record, old, now *model.Pod) {
	if back := now.Phase < old.Phase || old.Phase.Terminal() && now.Phase != old.Phase; back && !now.Mirror() {
		v.fail(r, "phase %v after %v", now.Phase, old.Phase)
	}
	if old.NodeID != 0 && now.NodeID != old.NodeID {
		v.fail(r, "moved from %s to %s", old.NodeName, now.NodeName)
	}
	if now.IsReady() && now.Phase != model.PodRunning {
		v.fail(r, "ready in phase %v", now.Phase)
	}
	rejected := now.Containers == nil // its status tells nothing of containers, first with the phase from before
	if now.Restarts() < old.Restarts() && !rejected && !*v.back.Row(now.ID) {
		v.fail(r, "%d restarts after %d", now.Restarts(), old.Restarts())
	}
}

func (v *Invariants) charge(p *model.Pod, sign int64) {
	if p == nil || p.NodeID == 0 || p.Phase.Terminal() {
		return
	}
	u := v.used.Row(p.NodeID)
	spec := p.Spec
	if p.Resize != nil { // what is wanted may be more than there is
		spec = p.Resize.Allocated
	}
	u.cpu += sign * spec.Request.CPUMilli
	u.memory += sign * spec.Request.MemoryBytes
	u.pods += sign
	for set := p.Devices; set != 0; set &= set - 1 {
		if v.gpus == nil {
			v.gpus = map[gpu]int64{}
		}
		v.gpus[gpu{p.NodeID, bits.TrailingZeros64(set)}] += sign * p.Spec.GPU.MilliEach
	}
}
