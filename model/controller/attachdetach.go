package controller

import (
	"slices"
	"strings"
	"time"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// maxWaitForUnmount is how long a volume that nobody wants on a node any more stays
// attached while the node says that it uses it, or cannot say that it does not
// (pkg/controller/volume/attachdetach/attach_detach_controller.go
// ReconcilerMaxWaitForUnmountDuration).
const maxWaitForUnmount = 6 * time.Minute

// attachDetach has volumes attached to the nodes whose pods use them, and detached
// from those where none does (pkg/controller/volume/attachdetach). A volume for one
// node only stays where it is until it is safely unmounted there: the node says so,
// or it is not ready and six minutes have passed, or people say that it is out of
// service. A key is a volume. The loop that looks at everything every 100 ms finds
// nothing that no change has told, and is left out; its attempts that fail are
// made again as the original's are (goroutinemap/exponentialbackoff).
type attachDetach struct {
	*loop
	nodes map[string]uint32   // by name: the newest of that name
	inUse map[string][]string // what a node that is gone said last, by its name
	users map[string][]uint32 // by claim: the pods that want it on their node, in order of ID
	holds store.Table[[]hold] // by volume, in the order of their nodes' names
	on    map[string][]uint32 // by node: volumes with a hold there, in order of ID
	asks  store.Table[string] // by volume: the node that its request under way is about
}

// hold is a volume on a node: wanted there, or attached, or both.
type hold struct {
	node     string
	va       *model.VolumeAttachment // as seen; nil if there is none
	asked    bool                    // its creation was asked for, and is not seen
	reported bool                    // the node was told that it may use it
	told     bool                    // its pods were told that another node has it
	since    sim.Time                // since when nobody wants it there; 0 if somebody does
}

const (
	opAttach   uint8 = iota // create the attachment
	opReport                // tell the node that it may use the volume
	opUnreport              // and that it may no more, before the attachment is deleted
	opDetach                // delete the attachment
)

func newAttachDetach(l *loop) controller {
	l.queue.first, l.queue.last = 500*time.Millisecond, 2*time.Minute+2*time.Second
	return &attachDetach{loop: l, nodes: map[string]uint32{}, inUse: map[string][]string{}, users: map[string][]uint32{}, on: map[string][]uint32{}}
}

// pod keeps who wants which claim.
func (c *attachDetach) pod(_ sim.Time, old, next *model.Pod) {
	was, is := wantsVolumes(old), wantsVolumes(next)
	if was == is {
		return
	}
	p := next
	if was {
		p = old
	}
	for _, u := range p.Uses() {
		key := p.Namespace + "/" + u.Of(p)
		list := c.users[key]
		if is {
			insert(&list, p.ID)
		} else {
			without(&list, p.ID)
		}
		c.users[key] = list
		if claim := c.view.claimOf(key); claim != nil {
			c.lookAt(claim.Volume)
		}
	}
}

// wantsVolumes tells whether a pod wants its volumes on its node: it is on one, and
// has neither ended nor, being deleted, stopped all of its containers
// (pkg/volume/util/util.go IsPodTerminated).
func wantsVolumes(p *model.Pod) bool {
	if p == nil || p.NodeID == 0 || len(p.Uses()) == 0 || p.Phase.Terminal() {
		return false
	}
	runs := func(s model.ContainerStatus) bool { return s.State == model.ContainerRunning }
	return !p.Deleting() || slices.ContainsFunc(p.Containers, runs)
}

func (c *attachDetach) lookAt(volume string) {
	if x := c.view.volumeOf(volume); x != nil {
		c.queue.add(x.ID)
	}
}

func (c *attachDetach) claim(_ sim.Time, _, next *model.Claim) {
	if next != nil && next.Bound {
		c.lookAt(next.Volume)
	}
}

func (c *attachDetach) volume(_ sim.Time, old, next *model.Volume) {
	if next != nil && (old == nil || old.Claim != next.Claim) {
		c.queue.add(next.ID)
	}
}

// node looks at the volumes of a node of which something changed that matters. One
// that is gone said last what counts (nodeDelete).
func (c *attachDetach) node(_ sim.Time, old, next *model.Node) {
	switch {
	case next == nil:
		c.inUse[old.Name] = old.VolumesInUse
	case old == nil:
		c.nodes[next.Name] = next.ID
	case slices.Equal(old.VolumesInUse, next.VolumesInUse) && slices.Equal(old.VolumesAttached, next.VolumesAttached) &&
		old.Ready.Status == next.Ready.Status && slices.Equal(old.Taints, next.Taints):
		return
	}
	some := next
	if next == nil {
		some = old
	}
	for _, id := range c.on[some.Name] {
		if h := c.find(id, some.Name); old == nil {
			h.reported = slices.Contains(next.VolumesAttached, c.name(id, h))
		}
		c.queue.add(id)
	}
}

// attachment keeps what is attached, and tells the pods.
func (c *attachDetach) attachment(_ sim.Time, old, next *model.VolumeAttachment) {
	some := next
	if next == nil {
		some = old
	}
	id, known := c.view.volumeNames[some.Volume]
	if !known {
		return
	}
	h := c.hold(id, some.Node)
	h.va, h.asked = next, false
	if old != nil && !old.Attached && next != nil && next.Attached {
		for _, p := range c.usersOn(id, some.Node) {
			c.client.Note(p, false, "SuccessfulAttachVolume", "AttachVolume.Attach succeeded for volume \""+some.Volume+"\" ")
		}
	}
	c.queue.add(id)
}

// find is the hold of a volume on a node, nil if there is none; hold makes it.
func (c *attachDetach) find(volume uint32, node string) *hold {
	list := *c.holds.Row(volume)
	if at, ok := slices.BinarySearchFunc(list, node, byNode); ok {
		return &list[at]
	}
	return nil
}

func byNode(h hold, node string) int { return strings.Compare(h.node, node) }

func (c *attachDetach) hold(volume uint32, node string) *hold {
	if h := c.find(volume, node); h != nil {
		return h
	}
	list := c.holds.Row(volume)
	at, _ := slices.BinarySearchFunc(*list, node, byNode)
	*list = slices.Insert(*list, at, hold{node: node})
	on := c.on[node]
	insert(&on, volume)
	c.on[node] = on
	h := &(*list)[at]
	if n := c.nodeOf(node); n != nil {
		h.reported = slices.Contains(n.VolumesAttached, c.name(volume, h))
	}
	return h
}

// forget drops a hold that nobody wants and that is not attached.
func (c *attachDetach) forget(volume uint32, node string) {
	list := c.holds.Row(volume)
	*list = slices.DeleteFunc(*list, func(h hold) bool { return h.node == node })
	on := c.on[node]
	without(&on, volume)
	c.on[node] = on
}

// name is a volume's name, also of one that is gone.
func (c *attachDetach) name(volume uint32, h *hold) string {
	if x := *c.view.volumes.Row(volume); x != nil {
		return x.Name
	}
	if h.va != nil {
		return h.va.Volume
	}
	return ""
}

// nodeOf is the node of a name, nil if there is none.
func (c *attachDetach) nodeOf(name string) *model.Node {
	if id, ok := c.nodes[name]; ok {
		return c.view.node(id)
	}
	return nil
}

// usersOn is the pods that want a volume on a node, or on any other if elsewhere.
func (c *attachDetach) usersOn(volume uint32, node string) []*model.Pod {
	return c.usersWhere(volume, func(at string) bool { return at == node })
}

func (c *attachDetach) usersWhere(volume uint32, where func(node string) bool) (pods []*model.Pod) {
	x := *c.view.volumes.Row(volume)
	if x == nil || x.Claim == "" {
		return nil
	}
	if claim := c.view.claimOf(x.Claim); claim == nil || !claim.Bound || claim.Volume != x.Name {
		return nil
	}
	for _, id := range c.users[x.Claim] {
		if p := c.view.pod(id); p != nil && where(p.NodeName) {
			pods = append(pods, p)
		}
	}
	return pods
}

// sync makes one request for a volume, what is to be detached first, and looks again
// after its answer (reconciler/reconciler.go reconcile).
func (c *attachDetach) sync(now sim.Time, id uint32) {
	if x := *c.view.volumes.Row(id); x != nil && c.storage.Attaches(x) {
		for _, p := range c.usersWhere(id, func(string) bool { return true }) {
			c.hold(id, p.NodeName).since = 0
		}
	}
	for _, h := range slices.Clone(*c.holds.Row(id)) {
		if c.let(now, id, c.find(id, h.node)) {
			return
		}
	}
	failed := false
	for i := range *c.holds.Row(id) {
		h := &(*c.holds.Row(id))[i]
		users := c.usersOn(id, h.node)
		if len(users) > 0 && c.get(id, h) {
			return
		}
		failed = c.sayFailed(h, users) || failed
	}
	if failed {
		c.failed(now, id)
		return
	}
	c.done(id)
}

// sayFailed tells the pods that want a volume that its driver could not attach it, at
// every attempt (operationexecutor/operation_generator.go GenerateAttachVolumeFunc). The
// attempt finds the error of the last one (pkg/volume/csi/csi_attacher.go
// verifyAttachmentStatus).
func (c *attachDetach) sayFailed(h *hold, users []*model.Pod) bool {
	if h.va == nil || h.va.Error == "" || h.va.Deleting() {
		return false
	}
	for _, p := range users {
		c.client.Note(p, true, "FailedAttachVolume", "AttachVolume.Attach failed for volume \""+h.va.Volume+"\" : "+h.va.Error)
	}
	return len(users) > 0
}

// let has a volume detached from a node where nobody wants it, if that is safe. It is
// true if a request is under way.
func (c *attachDetach) let(now sim.Time, id uint32, h *hold) bool {
	switch {
	case len(c.usersOn(id, h.node)) > 0:
		return false
	case h.va == nil:
		if !h.asked {
			c.forget(id, h.node)
		}
		return false
	case h.va.Deleting() || !h.va.Attached && h.va.Error == "": // the driver is at it
		return false
	case h.since == 0:
		h.since = now
	}
	if !c.safe(now, id, h) {
		return false
	}
	*c.asks.Row(id) = h.node
	if n := c.nodeOf(h.node); n != nil && h.reported {
		c.client.PatchPart(n.Ref(), store.Status, usable{h.va.Volume, false}, tag(opUnreport, id))
	} else {
		c.client.Delete(h.va.Ref(), store.DefaultGrace, tag(opDetach, id))
	}
	return true
}

// safe tells whether a volume may be detached from a node now. Of a node that this
// process has never seen it supposes that it uses everything
// (cache/actual_state_of_world.go: "Assume mounted, until proven otherwise").
func (c *attachDetach) safe(now sim.Time, id uint32, h *hold) bool {
	n := c.nodeOf(h.node)
	used, known := c.inUse[h.node]
	if n != nil {
		used, known = n.VolumesInUse, true
	}
	switch {
	case known && !slices.Contains(used, h.va.Volume), n != nil && model.HasTaintKey(n.Taints, model.TaintOutOfService):
		return true
	case n != nil && n.Ready.Status == model.True:
		return false
	}
	if left := h.since.Add(maxWaitForUnmount).Sub(now); left > 0 {
		c.after(now, id, left)
		return false
	}
	return true
}

// get has a volume attached to a node where somebody wants it, and tells the node
// when it is.
func (c *attachDetach) get(id uint32, h *hold) bool {
	x := *c.view.volumes.Row(id)
	switch {
	case h.va != nil && h.va.Attached && !h.va.Deleting():
		n := c.nodeOf(h.node)
		if h.reported || n == nil {
			return false
		}
		*c.asks.Row(id) = h.node
		c.client.PatchPart(n.Ref(), store.Status, usable{x.Name, true}, tag(opReport, id))
		return true
	case h.va != nil || h.asked || c.taken(id, h):
		return false
	}
	*c.asks.Row(id) = h.node
	h.asked = true
	c.client.Create(model.NewAttachment(x, h.node), tag(opAttach, id))
	return true
}

// taken tells whether a volume for one node is another one's, and says so once to the
// pods that want it here (reconciler.go reportMultiAttachError).
func (c *attachDetach) taken(id uint32, h *hold) bool {
	x := *c.view.volumes.Row(id)
	elsewhere := func(o hold) bool { return o.node != h.node && (o.va != nil || o.asked) }
	if !x.Exclusive() || !slices.ContainsFunc(*c.holds.Row(id), elsewhere) {
		return false
	}
	if h.told {
		return true
	}
	h.told = true
	why := "Volume is already exclusively attached to one node and can't be attached to another"
	if others := c.usersWhere(id, func(node string) bool { return node != h.node }); len(others) > 0 {
		var names []string
		for _, p := range others {
			names = append(names, p.Name)
		}
		why = "Volume is already used by pod(s) " + strings.Join(names, ", ")
	}
	for _, p := range c.usersOn(id, h.node) {
		c.client.Note(p, true, "FailedAttachVolume", "Multi-Attach error for volume \""+x.Name+"\" "+why)
	}
	return true
}

func (c *attachDetach) replied(now sim.Time, r store.Reply) {
	op, id := untag(r.Tag)
	h := c.find(id, *c.asks.Row(id))
	ok := r.Refusal == store.Accepted || r.Refusal == store.NotFound && op != opAttach || r.Refusal == store.AlreadyExists
	switch {
	case h == nil || ok && op == opAttach:
	case !ok:
		h.asked = h.asked && op != opAttach
		c.failed(now, id)
		return
	case op == opReport:
		h.reported = true
	case op == opUnreport:
		h.reported = false
		if h.va != nil {
			c.client.Delete(h.va.Ref(), store.DefaultGrace, tag(opDetach, id))
			return
		}
	}
	if op != opDetach { // others may have something to ask for, too
		c.queue.add(id)
	}
	c.done(id)
}

// due implements controller; nothing is posted but delayed looks.
func (c *attachDetach) due(sim.Time, sim.Why, uint64) {}

// usable tells a node that it may use a volume, or that it may not.
type usable struct {
	volume string
	may    bool
}

// Apply implements store.Patch.
func (u usable) Apply(cur model.Object) model.Object {
	n := cur.(*model.Node)
	at, has := slices.BinarySearch(n.VolumesAttached, u.volume)
	if has == u.may {
		return cur
	}
	next := *n
	next.VolumesAttached = slices.Clone(n.VolumesAttached)
	if u.may {
		next.VolumesAttached = slices.Insert(next.VolumesAttached, at, u.volume)
	} else {
		next.VolumesAttached = slices.Delete(next.VolumesAttached, at, at+1)
	}
	return &next
}

// attacher has drivers attach and detach volumes (kubernetes-csi/external-attacher
// pkg/controller/csi_handler.go). It fails where there is no disk any more, whatever became
// of the machine: to detach what is not there is a success. What it cannot attach it would
// try again, at most every 5 min, which never helps.
type attacher struct {
	*loop
	luck  sim.Lane
	begun store.Table[uint32] // by attachment: how often something was begun for it
}

// attachTime and detachTime are how long a driver takes: our [E]stimate, so that
// attaching and mounting together take 12 s in the median, and 60 s in 1 of 100.
var (
	attachTime = sim.Lognormal(5*time.Second, 40*time.Second)
	detachTime = sim.Lognormal(5*time.Second, 40*time.Second)
)

func newAttacher(l *loop) controller {
	return &attacher{loop: l, luck: l.kernel.Luck().Lane("csi-attacher")}
}

func (c *attacher) attachment(_ sim.Time, _, next *model.VolumeAttachment) {
	if next != nil && (next.Deleting() || !next.Attached) {
		c.queue.add(next.ID)
	}
}

func (c *attacher) sync(now sim.Time, id uint32) {
	a := *c.view.attachments.Row(id)
	takes := &attachTime
	switch {
	case a == nil || (a.Attached || a.Error != "") && !a.Deleting():
		c.done(id)
		return
	case a.Deleting():
		takes = &detachTime
	}
	n := c.begun.Row(id)
	*n++
	luck := c.luck.Draw(a.NameHash(), uint64(*n))
	c.kernel.Post(now.Add(takes.Draw(&luck)), c.self, whyOwn, uint64(id))
}

// due is when the driver is done.
func (c *attacher) due(_ sim.Time, _ sim.Why, about uint64) {
	id := uint32(about)
	a := *c.view.attachments.Row(id)
	switch {
	case a == nil:
		c.done(id)
	case a.Deleting():
		next := *a
		next.Protected = false
		c.client.Update(&next, uint64(id))
	default:
		next := *a
		next.Attached, next.ResourceVersion = true, 0
		if c.lost != nil && c.lost(a.Volume) {
			next.Attached, next.Error = false, "rpc error: code = NotFound desc = Volume \""+a.Volume+"\" not found"
		}
		c.client.UpdateStatus(&next, uint64(id))
	}
}

func (c *attacher) replied(now sim.Time, r store.Reply) { c.released(now, r) }
