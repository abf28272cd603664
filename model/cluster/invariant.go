package cluster

import (
	"fmt"
	"math/bits"

	"orrery/model"
	"orrery/model/store"
)

// Invariants checks, after every record, what must hold in every cluster
// whatever happens to it. It watches the truth and recomputes its own sums,
// so it is the slow twin of every count a component keeps.
type Invariants struct {
	// Broken is what did not hold, in the order it was found; at most a few.
	Broken []string

	revision int64
	last     *store.Record
	used     store.Table[usage]
	gpus     map[gpu]int64 // milli that the pods have that were told to have it
	// handBound says that pods came bound by hand, for which nobody checked the room.
	handBound bool
}

type usage struct{ cpu, memory, pods int64 }

// gpu is a device of a node.
//
//tidy:key compared as a whole
type gpu struct {
	node   uint32
	device int
}

const brokenMost = 10

// Recorded implements store.Observer.
func (v *Invariants) Recorded(r *store.Record) {
	if v.last != nil && r.At < v.last.At {
		v.fail(r, "time went back from %v", v.last.At)
	}
	v.last = r
	if r.Verb == store.Noted {
		return
	}
	if v.revision != 0 && r.Revision != v.revision+1 {
		v.fail(r, "revision %d follows %d", r.Revision, v.revision)
	}
	v.revision = r.Revision
	if r.New != nil && r.Old != nil {
		v.identity(r)
	}
	if r.Object().Head().Kind == model.KindPod {
		v.pod(r)
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
	if old != nil && now != nil {
		v.podMoves(r, old, now)
	}
	if now != nil && old == nil && now.NodeID != 0 {
		v.handBound = true
	}
	v.charge(old, -1)
	v.charge(now, 1)
	if now != nil && now.Devices != 0 && old != nil && old.Devices == 0 {
		v.devices(r, now)
	}
}

// devices checks what a pod was told to have of a node's GPUs.
func (v *Invariants) devices(r *store.Record, p *model.Pod) {
	if int64(bits.OnesCount64(p.Devices)) != p.Spec.GPU.Devices {
		v.fail(r, "it wants %d GPUs and got %s", p.Spec.GPU.Devices, model.DeviceIndexes(p.Devices))
	}
	for set := p.Devices; set != 0; set &= set - 1 {
		i := bits.TrailingZeros64(set)
		if used := v.gpus[gpu{p.NodeID, i}]; used > model.GPUMilli && !v.handBound {
			v.fail(r, "GPU %d of %s is overcommitted: %d milli", i, p.NodeName, used)
		}
	}
}

// podMoves checks what Kubernetes promises of a pod's life: a phase only moves
// forward and a binding is for ever.
func (v *Invariants) podMoves(r *store.Record, old, now *model.Pod) {
	if now.Phase < old.Phase || old.Phase.Terminal() && now.Phase != old.Phase {
		v.fail(r, "phase %v after %v", now.Phase, old.Phase)
	}
	if old.NodeID != 0 && now.NodeID != old.NodeID {
		v.fail(r, "moved from %s to %s", old.NodeName, now.NodeName)
	}
	if now.IsReady() && now.Phase != model.PodRunning {
		v.fail(r, "ready in phase %v", now.Phase)
	}
	if now.Restarts() < old.Restarts() {
		v.fail(r, "%d restarts after %d", now.Restarts(), old.Restarts())
	}
}

func (v *Invariants) charge(p *model.Pod, sign int64) {
	if p == nil || p.NodeID == 0 || p.Phase.Terminal() {
		return
	}
	u := v.used.Row(p.NodeID)
	u.cpu += sign * p.Spec.Request.CPUMilli
	u.memory += sign * p.Spec.Request.MemoryBytes
	u.pods += sign
	for set := p.Devices; set != 0; set &= set - 1 {
		if v.gpus == nil {
			v.gpus = map[gpu]int64{}
		}
		v.gpus[gpu{p.NodeID, bits.TrailingZeros64(set)}] += sign * p.Spec.GPU.MilliEach
	}
}

// Check compares every node's sums with what it can hold. It returns all that
// was ever broken.
func (v *Invariants) Check(s *store.Store) []string {
	if v.handBound {
		return v.Broken
	}
	s.Snapshot().Each(model.KindNode, func(o model.Object) bool {
		n := o.(*model.Node)
		u := v.used.Row(n.ID)
		if u.cpu > n.Allocatable.CPUMilli || u.memory > n.Allocatable.MemoryBytes || u.pods > n.Allocatable.Pods {
			v.Broken = append(v.Broken, fmt.Sprintf("%s: overcommitted: %dm of %dm CPU, %d of %d bytes, %d of %d pods",
				n.Path(), u.cpu, n.Allocatable.CPUMilli, u.memory, n.Allocatable.MemoryBytes, u.pods, n.Allocatable.Pods))
		}
		return true
	})
	return v.Broken
}
