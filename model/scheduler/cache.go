package scheduler

import (
	"slices"

	"orrery/model"
	"orrery/sim"
)

// Resource is what pods on a node ask for together.
type Resource struct {
	MilliCPU         int64 // thousandths of a core
	Memory           int64 // bytes
	EphemeralStorage int64 // bytes
	ScalarResources  []model.Extended
}

func (r *Resource) scalar(name string) int64 {
	for i := range r.ScalarResources {
		if r.ScalarResources[i].Name == name {
			return r.ScalarResources[i].Count
		}
	}
	return 0
}

func (r *Resource) add(sign int64, a *model.Resources) {
	r.MilliCPU += sign * a.CPUMilli
	r.Memory += sign * a.MemoryBytes
	r.EphemeralStorage += sign * a.EphemeralBytes
	for _, x := range a.Extended {
		r.addScalar(x.Name, sign*x.Count)
	}
}

func (r *Resource) addScalar(name string, n int64) {
	for i := range r.ScalarResources {
		if r.ScalarResources[i].Name == name {
			r.ScalarResources[i].Count += n
			return
		}
	}
	r.ScalarResources = append(r.ScalarResources, model.Extended{Name: name, Count: n})
}

// NodeInfo is a node as plugins see it: the object, the pods that are assigned
// to it or assumed there, and sums over them. NonZeroRequested counts
// containers that ask for nothing with defaults
// (pkg/scheduler/framework/types.go NodeInfo).
type NodeInfo struct {
	Node             *model.Node // nil while only its pods are known
	Requested        Resource
	NonZeroRequested Resource     // only CPU and memory
	Pods             []*model.Pod // in no order that matters
	UsedPorts        []model.HostPort
	GPU              *Devices // nil if it has none
}

// AddPod lets a pod be on the node, as far as this NodeInfo goes.
func (n *NodeInfo) AddPod(pod *model.Pod) {
	if n.GPU != nil && pod.Spec.GPU != nil {
		n.GPU.add(pod, n)
	}
	n.Pods = append(n.Pods, pod)
	n.charge(pod.Counted(), 1)
}

// RemovePod undoes AddPod.
func (n *NodeInfo) RemovePod(pod *model.Pod) {
	i := slices.Index(n.Pods, pod)
	last := len(n.Pods) - 1
	n.Pods[i] = n.Pods[last]
	n.Pods[last] = nil
	n.Pods = n.Pods[:last]
	n.charge(pod.Counted(), -1)
	if n.GPU != nil && pod.Spec.GPU != nil {
		n.GPU.remove(pod)
	}
}

func (n *NodeInfo) charge(spec *model.PodSpec, sign int64) {
	n.Requested.add(sign, &spec.Request)
	cpu, memory := spec.ScoredRequest.CPUMilli, spec.ScoredRequest.MemoryBytes
	// Unlike in the pod's own scores, pods that ask for something as a whole get
	// defaults only for what nobody in them speaks of
	// (pkg/scheduler/framework/types.go getNonMissingContainerRequests).
	if l := spec.PodLevel; l != nil && l.CPUSaid {
		cpu = spec.Request.CPUMilli
	}
	if l := spec.PodLevel; l != nil && l.MemorySaid {
		memory = spec.Request.MemoryBytes
	}
	n.NonZeroRequested.MilliCPU += sign * cpu
	n.NonZeroRequested.Memory += sign * memory
	if spec.Placement == nil {
		return
	}
	for _, p := range spec.Placement.HostPorts {
		if sign > 0 {
			n.UsedPorts = append(n.UsedPorts, p)
		} else if i := slices.Index(n.UsedPorts, p); i >= 0 {
			n.UsedPorts = slices.Delete(n.UsedPorts, i, i+1)
		}
	}
}

// cache is what the scheduler has seen of nodes, and of pods on nodes, with the
// pods it has assumed. Rows are by node ID. A row of a node that is gone stays
// as long as the run: pods may still be there
// (pkg/scheduler/backend/cache/cache.go).
type cache struct {
	rows []NodeInfo
	// Changes of rows are numbered from 1 on. log is the rows of the latest, those
	// after number forgotten; changedAt is each row's last.
	log       []uint32
	forgotten uint64
	changedAt []uint64
	// changes counts the changes of all rows and of everything else here.
	changes uint64
	byName  map[string]uint32
	tree    nodeTree
	// priorities of the placed pods, lowest first.
	priorities []held

	// What is counted across nodes.
	kins        []*kin
	termed      []*kin // those with inter-pod terms
	kinByPod    map[kinKey]*kin
	kinByKey    map[string]*kin
	namespaces  map[string]model.Labels
	topologies  []*topology
	tallies     []*tally
	shared      map[string]*tally // those that several classes may use
	talliesMost int
	images      imageStates
	selectors   selectors
	volumes     volumes
	workloads   workloads

	luck  sim.Luck // of plugins that draw
	usage Usage    // what nodes are measured to use; nil if nobody measures
	// ledger is what namespaces have of the cluster; nil if nobody asks.
	ledger *ledger
	// devices decides which GPUs of a node a pod gets.
	devices func(*model.Pod, *NodeInfo) DeviceSet
}

func newCache() *cache {
	return &cache{
		byName: map[string]uint32{}, kinByPod: map[kinKey]*kin{}, kinByKey: map[string]*kin{}, namespaces: map[string]model.Labels{},
		talliesMost: talliesMost, images: imageStates{}, shared: map[string]*tally{}, selectors: newSelectors(), volumes: newVolumes(), workloads: newWorkloads(), devices: Tightest,
	}
}

// row is the row of a node, valid until the next call.
func (c *cache) row(id uint32) *NodeInfo {
	for int(id) >= len(c.rows) {
		c.rows = append(c.rows, NodeInfo{})
		c.changedAt = append(c.changedAt, 0)
		for _, t := range c.topologies {
			t.place(uint32(len(c.rows)-1), nil)
		}
	}
	return &c.rows[id]
}

// changed notes that a row did. The log is no longer than the rows: who missed
// some of it compares the numbers of all, which takes no more time.
func (c *cache) changed(id uint32) {
	if len(c.log) >= len(c.rows) {
		c.forgotten += uint64(len(c.log))
		c.log = c.log[:0]
	}
	c.log = append(c.log, id)
	c.changedAt[id] = c.logged()
	c.changes++
}

// logged is the number of the last change of a row.
func (c *cache) logged() uint64 { return c.forgotten + uint64(len(c.log)) }

// addPod lets a pod be on a node.
func (c *cache) addPod(id uint32, pod *model.Pod) {
	c.put(id, pod)
	c.changed(id)
}

// removePod takes it off again; pod is the version that was added.
func (c *cache) removePod(id uint32, pod *model.Pod) {
	c.take(id, pod)
	c.changed(id)
}

// put is addPod as long as nobody remembers what he sees.
func (c *cache) put(id uint32, pod *model.Pod) {
	c.row(id).AddPod(pod)
	c.ledger.pod(pod, 1)
	c.volumes.use(pod, 1)
	c.hold(pod.Spec.Priority, 1)
	c.kinOf(pod).count(id, 1)
}

// take undoes put.
func (c *cache) take(id uint32, pod *model.Pod) {
	c.row(id).RemovePod(pod)
	c.ledger.pod(pod, -1)
	c.volumes.use(pod, -1)
	c.hold(pod.Spec.Priority, -1)
	c.kinOf(pod).count(id, -1)
}

// updatePod takes a new version of a pod on a node, and tells whether anybody
// could see the difference.
func (c *cache) updatePod(id uint32, old, next *model.Pod) bool {
	if old.Spec != next.Spec || old.Resize != next.Resize || c.kinOf(old) != c.kinOf(next) {
		gpu := c.row(id).GPU
		gpu.suppose(true) // so that it keeps its devices
		c.removePod(id, old)
		gpu.renew(old, next)
		c.addPod(id, next)
		gpu.suppose(false)
		return true
	}
	pods := c.row(id).Pods
	pods[slices.Index(pods, old)] = next
	c.rows[id].GPU.renew(old, next)
	return false
}

// setNode takes a new version of a node, nil if it is gone, and returns the one
// before.
func (c *cache) setNode(id uint32, next *model.Node) *model.Node {
	n := c.row(id)
	old := n.Node
	n.Node = next
	n.equip(c.devices)
	c.ledger.node(old, -1)
	c.ledger.node(next, 1)
	c.changed(id)
	c.images.update(id, old, next)
	if old == nil || next == nil || !slices.Equal(old.Labels, next.Labels) || !slices.Equal(old.Taints, next.Taints) {
		c.recount(id, next)
	}
	switch {
	case old == nil && next != nil:
		c.tree.add(next.Zone(), id)
		c.byName[next.Name] = id
	case old != nil && next == nil:
		c.tree.remove(old.Zone(), id)
		if c.byName[old.Name] == id {
			delete(c.byName, old.Name)
		}
	case old != nil && old.Zone() != next.Zone():
		c.tree.remove(old.Zone(), id)
		c.tree.add(next.Zone(), id)
	}
	return old
}

// recount moves a node to other domains.
func (c *cache) recount(id uint32, next *model.Node) {
	for _, t := range c.tallies {
		t.leave(id)
	}
	for _, t := range c.topologies {
		t.place(id, next)
	}
	for _, t := range c.tallies {
		t.enter(id, next)
	}
}

// nodeTree is the order in which nodes are searched: the first of every zone,
// then the second of every zone and so on. Zones come in the order in which
// they were first seen, nodes of a zone in the order in which they joined it
// (pkg/scheduler/backend/cache/node_tree.go).
type nodeTree struct {
	zones []zone
	order []uint32 // not changed once it is made: boards keep it
	place []int32  // by node ID: where in order; -1 is nowhere
	stale bool
}

type zone struct {
	name  string
	nodes []uint32
}

func (t *nodeTree) add(name string, id uint32) {
	t.stale = true
	for i := range t.zones {
		if t.zones[i].name == name {
			t.zones[i].nodes = append(t.zones[i].nodes, id)
			return
		}
	}
	t.zones = append(t.zones, zone{name, []uint32{id}})
}

// remove takes a node out; a zone goes with its last node.
func (t *nodeTree) remove(name string, id uint32) {
	t.stale = true
	for i := range t.zones {
		z := &t.zones[i]
		if z.name != name {
			continue
		}
		for j := range z.nodes {
			if z.nodes[j] == id {
				z.nodes = append(z.nodes[:j], z.nodes[j+1:]...)
				break
			}
		}
		if len(z.nodes) == 0 {
			t.zones = append(t.zones[:i], t.zones[i+1:]...)
		}
		return
	}
}

// list is all nodes in order. It is made again only after nodes came or went.
func (t *nodeTree) list() []uint32 {
	if !t.stale {
		return t.order
	}
	t.stale = false
	order := make([]uint32, 0, len(t.order)+1)
	for i, more := 0, true; more; i++ {
		more = false
		for z := range t.zones {
			if i < len(t.zones[z].nodes) {
				order = append(order, t.zones[z].nodes[i])
				more = true
			}
		}
	}
	t.order = order
	for id := range t.place {
		t.place[id] = -1
	}
	for i, id := range order {
		for int(id) >= len(t.place) {
			t.place = append(t.place, -1)
		}
		t.place[id] = int32(i)
	}
	return order
}

// placeOf is where a node is in the order, -1 if it is not.
func (t *nodeTree) placeOf(id uint32) int {
	if int(id) >= len(t.place) {
		return -1
	}
	return int(t.place[id])
}
