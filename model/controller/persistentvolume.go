package controller

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// volumeBinder brings claims and volumes together: it binds a claim to the volume
// that is kept for it or the smallest that suits it, asks a provisioner for one
// if there is none, and lets volumes go whose claim is gone
// (pkg/controller/volume/persistentvolume/pv_controller.go). A key is the claim's
// ID twice, or the volume's and one more: the original has a queue for each. What the
// original's resync every 15 s finds, a claim whose volume came after it, is found here
// when the volume is seen.
type volumeBinder struct {
	*loop
	classes map[string]*model.StorageClass
	byClass map[string][]uint32 // volumes, in the order in which they came
	given   store.Table[uint32] // by volume: the claim it was given to and is not yet seen with
	waiting map[string][]uint32 // by class: claims that found no volume, or not the one they name
	plans   store.Table[plan]
}

func newVolumeBinder(l *loop) controller {
	return &volumeBinder{loop: l, classes: classesOf(l.storage), byClass: map[string][]uint32{}, waiting: map[string][]uint32{}}
}

func classesOf(s *model.Storage) map[string]*model.StorageClass {
	all := map[string]*model.StorageClass{}
	for _, c := range s.Classes {
		all[c.Name] = c
	}
	return all
}

func claimKey(id uint32) uint32  { return id * 2 }
func volumeKey(id uint32) uint32 { return id*2 + 1 }

// claim wakes the claim and the volume that it names.
func (c *volumeBinder) claim(_ sim.Time, old, next *model.Claim) {
	some := next
	if next == nil {
		some = old
	} else {
		c.queue.add(claimKey(next.ID))
	}
	if x := c.view.volumeOf(some.Volume); x != nil {
		c.queue.add(volumeKey(x.ID))
	}
}

// volume wakes the volume, its claim, and the claims that may have waited for one
// like it: these the original finds at its resync.
func (c *volumeBinder) volume(_ sim.Time, old, next *model.Volume) {
	some := next
	switch {
	case next == nil:
		some = old
		list := c.byClass[old.Class]
		without(&list, old.ID)
		c.byClass[old.Class] = list
		*c.given.Row(old.ID) = 0
	case old == nil:
		list := c.byClass[next.Class]
		insert(&list, next.ID)
		c.byClass[next.Class] = list
	}
	if next != nil {
		if next.Claim != "" {
			*c.given.Row(next.ID) = 0
		}
		c.queue.add(volumeKey(next.ID))
	}
	if claim := c.view.claimOf(some.Claim); claim != nil {
		c.queue.add(claimKey(claim.ID))
		return
	}
	for _, id := range c.waiting[some.Class] {
		c.queue.add(claimKey(id))
	}
	delete(c.waiting, some.Class)
}

func (c *volumeBinder) sync(now sim.Time, key uint32) {
	p := c.plans.Row(key)
	p.reset()
	if claim, x := *c.view.claims.Row(key / 2), *c.view.volumes.Row(key / 2); key%2 == 1 && x != nil {
		c.syncVolume(p, x)
	} else if key%2 == 0 && claim != nil {
		c.syncClaim(p, claim)
	}
	c.advance(now, p, key)
}

func (c *volumeBinder) replied(now sim.Time, r store.Reply) {
	key := uint32(r.Tag)
	p := c.plans.Row(key)
	if !p.answered(c.client, r) {
		return
	}
	if p.failed && key%2 == 0 {
		if x := p.volume(); x != nil {
			*c.given.Row(x.ID) = 0 // its volume is free again
		}
	}
	c.advance(now, p, key)
}

// volume is the volume that a plan changes, nil if none.
func (p *plan) volume() *model.Volume {
	for i := range p.calls {
		if x, ok := p.calls[i].object.(*model.Volume); ok {
			return x
		}
	}
	return nil
}

// due implements controller; nothing is posted but delayed looks.
func (c *volumeBinder) due(sim.Time, sim.Why, uint64) {}

// syncClaim is syncUnboundClaim and syncBoundClaim.
func (c *volumeBinder) syncClaim(p *plan, claim *model.Claim) {
	x := c.view.volumeOf(claim.Volume)
	switch {
	case claim.Bound && x == nil:
		if claim.Phase != model.ClaimLost {
			c.client.Note(claim, true, "ClaimLost", "Bound claim has lost its PersistentVolume. Data on the volume is lost!")
			c.phase(p, claim, model.ClaimLost)
		}
	case claim.Bound && !isOf(x, claim):
		if claim.Phase != model.ClaimLost {
			c.client.Note(claim, true, "ClaimMisbound", "Two claims are bound to the same volume, this one is bound incorrectly")
			c.phase(p, claim, model.ClaimLost)
		}
	case claim.Bound:
		c.bind(p, claim, x)
	case claim.Volume != "":
		c.named(p, claim, x)
	default:
		c.find(p, claim)
	}
}

// named binds a claim to the volume that it names, nil if there is none yet.
func (c *volumeBinder) named(p *plan, claim *model.Claim, x *model.Volume) {
	if x != nil && (x.Claim == "" || isOf(x, claim)) {
		why := mismatch(claim, x)
		if why == "" || x.Claim != "" {
			c.bind(p, claim, x)
			return
		}
		c.client.Note(claim, true, "VolumeMismatch", "Cannot bind to requested volume \""+x.Name+"\": "+why)
	}
	c.wait(claim)
}

// mismatch is why a claim cannot have the volume that it names, "" if it can
// (checkVolumeSatisfyClaim).
func mismatch(claim *model.Claim, x *model.Volume) string {
	switch {
	case x.Bytes < claim.Bytes:
		return "requested PV is too small"
	case x.Class != claim.Class:
		return "storageClassName does not match"
	case x.Attributes != claim.Attributes:
		return "volumeAttributesClassName does not match"
	case x.Block != claim.Block:
		return "incompatible volumeMode"
	case claim.Modes&^x.Modes != 0:
		return "incompatible accessMode"
	}
	return ""
}

// wait has a claim looked at again when a volume of its class changes.
func (c *volumeBinder) wait(claim *model.Claim) {
	list := c.waiting[claim.Class]
	insert(&list, claim.ID)
	c.waiting[claim.Class] = list
}

// isOf tells whether a volume is kept for a claim or bound to it.
func isOf(x *model.Volume, claim *model.Claim) bool {
	return x.Claim == claim.Key() && (x.ClaimID == 0 || x.ClaimID == claim.ID)
}

// find looks for a volume for a claim, or for somebody who makes one. A claim that
// waits for its first consumer gets only one that is kept for it, until a node is
// selected for it.
func (c *volumeBinder) find(p *plan, claim *model.Claim) {
	class, described := c.classes[claim.Class]
	delay := described && class.Wait && claim.SelectedNode == ""
	if x := c.match(claim, delay); x != nil {
		c.bind(p, claim, x)
		return
	}
	if !delay && !claim.Deleting() && claim.Provisioner == "" && c.provisions(claim) {
		next := *claim
		if next.Provisioner = anyProvisioner; described {
			next.Provisioner = class.Provisioner
		}
		p.add(call{op: store.OpUpdate, object: &next, noteOn: claim, note: model.Note{Reason: "ExternalProvisioning",
			Message: "Waiting for a volume to be created either by the external provisioner '" + next.Provisioner +
				"' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered."}})
	}
	if claim.Provisioner == "" {
		c.wait(claim)
	}
}

// anyProvisioner makes volumes of a class that nobody described.
const anyProvisioner = "any"

// provisions tells whether somebody makes volumes for a claim: of its class, or if
// nobody described that.
func (c *volumeBinder) provisions(claim *model.Claim) bool {
	class, described := c.classes[claim.Class]
	return claim.Selector == nil && (!described || class.Provisioner != "" && class.Provisioner != model.NoProvisioner)
}

// match is the volume that is kept for a claim or, unless only such a one counts, the
// smallest that suits it (index.go findBestMatchForClaim).
func (c *volumeBinder) match(claim *model.Claim, keptOnly bool) (best *model.Volume) {
	for _, id := range c.byClass[claim.Class] {
		x := *c.view.volumes.Row(id)
		switch g := *c.given.Row(id); {
		case !claim.Suits(x), g != 0 && g != claim.ID:
		case isOf(x, claim):
			return x
		case keptOnly || !claim.May(x):
		case best == nil || x.Bytes < best.Bytes:
			best = x
		}
	}
	return best
}

// bind writes what is not yet written of a binding: the volume, its phase, the
// claim, its phase.
func (c *volumeBinder) bind(p *plan, claim *model.Claim, x *model.Volume) {
	if x.Claim != claim.Key() || x.ClaimID != claim.ID {
		next := *x
		next.Claim, next.ClaimID = claim.Key(), claim.ID
		*c.given.Row(x.ID) = claim.ID
		p.add(call{op: store.OpUpdate, object: &next})
	}
	if x.Phase != model.VolumeBound {
		c.volumePhase(p, x, model.VolumeBound)
	}
	if !claim.Bound || claim.Volume != x.Name {
		next := *claim
		next.Volume, next.Bound = x.Name, true
		p.add(call{op: store.OpUpdate, object: &next})
	}
	if claim.Phase != model.ClaimBound {
		c.phase(p, claim, model.ClaimBound)
	}
}

// phase and volumePhase plan to write a phase on top of whatever is stored by then.
func (c *volumeBinder) phase(p *plan, claim *model.Claim, phase model.ClaimPhase) {
	next := *claim
	next.Phase, next.ResourceVersion = phase, 0
	p.add(call{op: store.OpUpdateStatus, object: &next})
}

func (c *volumeBinder) volumePhase(p *plan, x *model.Volume, phase model.VolumePhase) {
	next := *x
	next.Phase, next.ResourceVersion = phase, 0
	p.add(call{op: store.OpUpdateStatus, object: &next})
}

// syncVolume is the phase of a volume. One that is released is deleted by its
// provisioner if its policy says so, and stays otherwise.
func (c *volumeBinder) syncVolume(p *plan, x *model.Volume) {
	if x.ClaimID == 0 {
		if x.Phase == model.VolumePending && *c.given.Row(x.ID) == 0 {
			c.volumePhase(p, x, model.VolumeAvailable)
		}
		return
	}
	claim := c.view.claimOf(x.Claim)
	switch {
	case claim == nil || claim.ID != x.ClaimID:
		if x.Phase != model.VolumeReleased {
			c.volumePhase(p, x, model.VolumeReleased)
		}
	case claim.Volume == x.Name && claim.Bound && x.Phase != model.VolumeBound:
		c.volumePhase(p, x, model.VolumeBound)
	}
}

// provisioner makes volumes for claims that ask for one and deletes those that are
// released (kubernetes-csi/external-provisioner, sig-storage-lib-external-provisioner
// controller/controller.go). A volume can be reached from the zone of the node that
// was selected, as the disks of clouds; from that node only if it has no zone. If no
// node was selected, it is in one of the zones of the cluster, or where its class
// says. A driver never runs out of room.
type provisioner struct {
	*loop
	classes map[string]*model.StorageClass
	nodes   map[string]uint32 // by name
	zones   []string          // that nodes are or were in, in order
	luck    sim.Lane
	begun   store.Table[uint32] // by key: how often something was begun for it
	plans   store.Table[plan]
}

// provisionTime and deleteTime are how long a driver takes to make and to delete a
// volume, an [E]stimate after the waiters of cloud drivers.
var (
	provisionTime = sim.Lognormal(2*time.Second, 15*time.Second)
	deleteTime    = sim.Lognormal(2*time.Second, 15*time.Second)
)

func newProvisioner(l *loop) controller {
	return &provisioner{loop: l, classes: classesOf(l.storage), nodes: map[string]uint32{}, luck: l.kernel.Luck().Lane("csi-provisioner")}
}

func (c *provisioner) node(_ sim.Time, old, next *model.Node) {
	if old == nil && next != nil {
		c.nodes[next.Name] = next.ID
		zone := next.Labels.Value(model.LabelZone)
		if at, there := slices.BinarySearch(c.zones, zone); !there && zone != "" {
			c.zones = slices.Insert(c.zones, at, zone)
		}
	}
}

func (c *provisioner) claim(_ sim.Time, _, next *model.Claim) {
	if c.wants(next) {
		c.queue.add(claimKey(next.ID))
	}
}

func (c *provisioner) volume(_ sim.Time, _, next *model.Volume) {
	if unwanted(next) {
		c.queue.add(volumeKey(next.ID))
	}
}

// wants tells whether a claim asks for a volume to be made, now (shouldProvision).
func (c *provisioner) wants(claim *model.Claim) bool {
	if claim == nil || claim.Provisioner == "" || claim.Volume != "" || claim.Deleting() {
		return false
	}
	class := c.classes[claim.Class]
	return class == nil || !class.Wait || claim.SelectedNode != ""
}

// unwanted tells whether a volume is to be deleted (shouldDelete).
func unwanted(x *model.Volume) bool {
	return x != nil && x.Phase == model.VolumeReleased && !x.Retain && x.Driver != ""
}

func (c *provisioner) sync(now sim.Time, key uint32) {
	takes := &provisionTime
	var m *model.Meta
	if key%2 == 1 {
		takes = &deleteTime
		if x := *c.view.volumes.Row(key / 2); unwanted(x) {
			m = &x.Meta
		}
	} else if claim := *c.view.claims.Row(key / 2); c.wants(claim) && !c.made(claim) {
		m = &claim.Meta
	}
	if m == nil {
		c.done(key)
		return
	}
	n := c.begun.Row(key)
	*n++
	luck := c.luck.Draw(m.NameHash(), uint64(*n))
	c.kernel.Post(now.Add(takes.Draw(&luck)), c.self, whyOwn, uint64(key))
}

// made tells whether a claim's volume is there already.
func (c *provisioner) made(claim *model.Claim) bool {
	x := c.view.volumeOf(volumeName(claim))
	return x != nil && isOf(x, claim)
}

// volumeName is the name of the volume that is made for a claim, in the original
// pvc- and the claim's UID.
func volumeName(claim *model.Claim) string {
	return "pvc-" + claim.Namespace + "-" + claim.Name + "-" + decimal(int32(claim.ID))
}

// due is when the driver is done.
func (c *provisioner) due(now sim.Time, _ sim.Why, about uint64) {
	key := uint32(about)
	p := c.plans.Row(key)
	p.reset()
	if key%2 == 1 {
		if x := *c.view.volumes.Row(key / 2); x != nil {
			p.add(call{op: store.OpDelete, target: x.Ref()})
		}
	} else if claim := *c.view.claims.Row(key / 2); claim != nil {
		p.add(call{op: store.OpCreate, object: c.make(claim), exists: true, noteOn: claim, note: model.Note{
			Reason: "ProvisioningSucceeded", Message: "Successfully provisioned volume " + volumeName(claim)}})
	}
	c.advance(now, p, key)
}

func (c *provisioner) replied(now sim.Time, r store.Reply) {
	c.goOn(now, c.plans.Row(uint32(r.Tag)), r)
}

// make is the volume for a claim.
func (c *provisioner) make(claim *model.Claim) *model.Volume {
	x := &model.Volume{
		Meta:  model.Meta{Kind: model.KindPersistentVolume, Name: volumeName(claim)},
		Class: claim.Class, Bytes: claim.Bytes, Modes: claim.Modes, Block: claim.Block, Attributes: claim.Attributes,
		Claim: claim.Key(), ClaimID: claim.ID, Driver: claim.Provisioner,
	}
	x.Handle = x.Name
	class := c.classes[claim.Class]
	if class != nil {
		x.Retain, x.Affinity = class.Retain, class.Topologies
	}
	if class != nil && class.Topologies == nil && claim.SelectedNode == "" && len(c.zones) > 0 {
		x.Affinity = in(model.LabelZone, c.zones[turn(claim.Name, len(c.zones))])
	}
	if node := c.view.node(c.nodes[claim.SelectedNode]); node != nil {
		if x.Affinity = in(model.LabelZone, node.Labels.Value(model.LabelZone)); node.Labels.Value(model.LabelZone) == "" {
			x.Affinity = in(model.LabelHostname, node.Labels.Value(model.LabelHostname))
		}
	}
	return x
}

func in(label, value string) []model.NodeTerm {
	return []model.NodeTerm{{Labels: []model.Requirement{{Key: label, Op: model.In, Values: []string{value}}}}}
}

// turn is which of n zones a claim's volume is made in if nobody selected a node:
// claims of a StatefulSet, whose names end in numbers, take them by turns
// (pkg/controller/topology.go getPVCNameHashAndIndexOffset, which hashes otherwise).
func turn(name string, n int) int {
	at := strings.LastIndexByte(name, '-')
	ordinal, err := strconv.ParseUint(name[at+1:], 10, 31)
	if at < 0 || err != nil {
		return int(sim.HashName(name) % uint64(n))
	}
	return int((sim.HashName(name[:at]) + ordinal) % uint64(n))
}
