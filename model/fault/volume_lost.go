package fault

import (
	"fmt"
	"slices"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// volumeLost has the disks of volumes be gone for good, as if somebody had deleted them
// in the provider's console. Processes that use them exit, and so does every instance
// that starts in the same pod; whoever is to attach or mount them cannot. Kubernetes looks
// for none of it: the claim is Bound. Only where the PersistentVolume's object is
// deleted, too, whatever protects it, the claim is Lost, and the scheduler has no place
// for its pods.
type volumeLost struct {
	volumeDetach
	kernel *sim.Kernel
	client *store.Client
	rest   []model.Ref // volumes to be deleted: the first has been asked for
}

func (f *volumeLost) begin(d *Director, s *Spec, pods []model.Object) (string, bool) {
	volumes := d.volumesOf(pods)
	if len(volumes) == 0 {
		return "none of them has a volume", false
	}
	for _, x := range volumes {
		d.world.LoseDisk(x.Head().Name)
	}
	f.volumeDetach.begin(d, s, pods)
	said := list(volumes) + " have no disks any more"
	if s.Object {
		said += ", and are deleted"
		f.delete(d, s, volumes)
	}
	return said, true
}

// volumesOf is the volumes that the claims of pods are bound to.
func (d *Director) volumesOf(pods []model.Object) (volumes []model.Object) {
	for _, o := range pods {
		p := o.(*model.Pod)
		for _, u := range p.Uses() {
			claim, ok := d.world.Truth().Lookup(model.KindPersistentVolumeClaim, p.Namespace, u.Of(p)).(*model.Claim)
			if !ok || !claim.Bound {
				continue
			}
			x := d.world.Truth().Lookup(model.KindPersistentVolume, "", claim.Volume)
			if x != nil && !slices.Contains(volumes, x) {
				volumes = append(volumes, x)
			}
		}
	}
	return volumes
}

// end implements effect: what is lost stays so.
func (*volumeLost) end(*Director) {}

func (f *volumeLost) delete(d *Director, s *Spec, volumes []model.Object) {
	name := "volume-lost/" + s.ID
	f.kernel = d.kernel
	f.client = d.world.Truth().NewClient(store.ClientConfig{
		Name: name, As: store.Admin(name), Actor: d.kernel.Register(name, f), Site: d.world.ControlPlane()[0],
	})
	for _, x := range volumes {
		f.rest = append(f.rest, x.Head().Ref())
	}
	f.ask()
}

// Wake implements sim.Actor. A volume is deleted, which waits for its finalizer, and that
// is taken off; then comes the next one. What cannot be asked is asked again.
func (f *volumeLost) Wake(_ sim.Time, why sim.Why, about uint64) {
	if why != store.WhyReply {
		f.ask()
		return
	}
	switch r, ok := f.client.Reply(about); {
	case !ok:
	case r.Refusal == store.NotFound || r.Refusal == store.Accepted && r.Tag == askUnprotect:
		if f.rest = f.rest[1:]; len(f.rest) > 0 {
			f.ask()
		}
	case r.Refusal == store.Accepted:
		f.client.Patch(f.rest[0], unprotected{}, askUnprotect)
	default:
		f.kernel.Post(f.kernel.Now().Add(pushAgain), f.client.Actor, whyAgain, 0)
	}
}

// askUnprotect is the tag of the second request about a volume.
const askUnprotect = 1

func (f *volumeLost) ask() { f.client.Delete(f.rest[0], store.DefaultGrace, 0) }

// DescribeWake implements sim.Describer.
func (f *volumeLost) DescribeWake(why sim.Why, _ uint64) string {
	if why == whyAgain {
		return fmt.Sprint("another try to delete ", len(f.rest), " volumes")
	}
	return "news from the API server"
}

// unprotected takes the finalizer of a PersistentVolume off.
type unprotected struct{}

// Apply implements store.Patch.
func (unprotected) Apply(cur model.Object) model.Object {
	x := *cur.(*model.Volume)
	x.Protected = false
	return &x
}
