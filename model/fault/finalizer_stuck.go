package fault

import (
	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// stuckFinalizer is who should have done something before pods go.
const stuckFinalizer = "example.com/stuck"

// finalizerStuck puts a finalizer on pods, as a controller does that cleans up after
// them, and which is gone: those that are deleted end, and stay Terminating. When it is
// back it takes the finalizer off. What cannot be asked it asks again.
type finalizerStuck struct {
	kernel *sim.Kernel
	client *store.Client
	pods   []model.Ref
	over   bool
}

func (f *finalizerStuck) begin(d *Director, s *Spec, pods []model.Object) (string, bool) {
	name := "finalizer-stuck/" + s.ID
	f.kernel = d.kernel
	f.client = d.world.Truth().NewClient(store.ClientConfig{
		Name: name, As: store.Admin(name), Actor: d.kernel.Register(name, f), Site: d.world.ControlPlane()[0],
	})
	for i, p := range pods {
		f.pods = append(f.pods, p.Head().Ref())
		f.ask(i)
	}
	return "they have a finalizer that nobody takes off", true
}

func (f *finalizerStuck) ask(i int) {
	p := &model.PodPatch{Finalizers: []string{stuckFinalizer}}
	if f.over {
		p = &model.PodPatch{Finalized: []string{stuckFinalizer}}
	}
	f.client.Patch(f.pods[i], p, uint64(i))
}

// Wake implements sim.Actor.
func (f *finalizerStuck) Wake(_ sim.Time, why sim.Why, about uint64) {
	if why != store.WhyReply {
		f.ask(int(about))
		return
	}
	if r, ok := f.client.Reply(about); ok && r.Refusal != store.Accepted && r.Refusal != store.NotFound {
		f.kernel.Post(f.kernel.Now().Add(pushAgain), f.client.Actor, whyAgain, r.Tag)
	}
}

// DescribeWake implements sim.Describer.
func (f *finalizerStuck) DescribeWake(why sim.Why, _ uint64) string {
	if why == whyAgain {
		return "another try about a finalizer"
	}
	return "news from the API server"
}

func (f *finalizerStuck) end(*Director) {
	f.over = true
	for i := range f.pods {
		f.ask(i)
	}
}
