package cloud

import (
	"slices"
	"time"

	"orrery/model"
	"orrery/sim"
)

// faults is what is wrong with the provider.
type faults struct {
	shortages []place
	slows     []slowness
	errors    []uint64 // of calls that are refused, in millionths
}

// place is a group in a zone; "" is all of them.
type place struct{ group, zone string }

func (p place) covers(group, zone string) bool {
	return (p.group == "" || p.group == group) && (p.zone == "" || p.zone == zone)
}

// slowness is that machines take longer at a place.
type slowness struct {
	place
	takes sim.Dist
}

func (f *faults) out(group, zone string) bool {
	return slices.ContainsFunc(f.shortages, func(p place) bool { return p.covers(group, zone) })
}

// slow is how long provisioning takes at a place now, nil if as always. The
// fault that began last counts.
func (f *faults) slow(group, zone string) *sim.Dist {
	for i := len(f.slows) - 1; i >= 0; i-- {
		if f.slows[i].covers(group, zone) {
			return &f.slows[i].takes
		}
	}
	return nil
}

// errorPPM is the share of calls that are refused: of the worst fault.
func (f *faults) errorPPM() (most uint64) {
	for _, ppm := range f.errors {
		most = max(most, ppm)
	}
	return most
}

// RunOut lets a place have no capacity for new machines, until as many calls of
// Restock.
func (p *Provider) RunOut(group, zone string) {
	p.faults.shortages = append(p.faults.shortages, place{group, zone})
}

// Restock takes back one RunOut.
func (p *Provider) Restock(group, zone string) {
	i := slices.Index(p.faults.shortages, place{group, zone})
	p.faults.shortages = slices.Delete(p.faults.shortages, i, i+1)
	p.unblock(p.kernel.Now(), OutOfCapacity)
}

// Slow lets machines that are made from now on take that long, until Quicken.
func (p *Provider) Slow(group, zone string, takes sim.Dist) {
	p.faults.slows = append(p.faults.slows, slowness{place{group, zone}, takes})
}

// Quicken takes back one Slow.
func (p *Provider) Quicken(group, zone string, takes sim.Dist) {
	i := slices.Index(p.faults.slows, slowness{place{group, zone}, takes})
	p.faults.slows = slices.Delete(p.faults.slows, i, i+1)
}

// Throttle has a share of all calls refused, until Unthrottle. Callers are woken: from
// now on calls that they leave out might be refused.
func (p *Provider) Throttle(ppm uint64) {
	p.faults.errors = append(p.faults.errors, ppm)
	p.news()
}

// Unthrottle takes back one Throttle.
func (p *Provider) Unthrottle(ppm uint64) {
	i := slices.Index(p.faults.errors, ppm)
	p.faults.errors = slices.Delete(p.faults.errors, i, i+1)
}

// Terminate takes the machine of a node away at once. It is false if it was gone.
func (p *Provider) Terminate(node uint32, why string) bool {
	if !p.exists(node) {
		return false
	}
	p.terminate(*p.machines.Row(node), why)
	return true
}

// Reclaim says that the machine of a node will be taken away after the notice. It
// is false if it is gone.
func (p *Provider) Reclaim(node uint32, notice time.Duration) bool {
	if !p.exists(node) {
		return false
	}
	m := *p.machines.Row(node)
	p.store.Note(p.self, model.Note{Named: "machine/" + m.Name, Warning: true, Reason: ReasonReclaiming, Message: "Will be reclaimed in " + notice.String()})
	p.kernel.Post(p.kernel.Now().Add(notice), p.self, whyTerminate, uint64(node))
	for _, l := range p.reclaims {
		l.machine(m)
	}
	return true
}
