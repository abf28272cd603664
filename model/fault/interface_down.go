package fault

import (
	"orrery/model"
	"orrery/model/network"
)

// interfaceDown cuts machines off from everybody else, the registry of images too. What
// runs there goes on, and what its processes tell each other arrives.
type interfaceDown struct {
	impaired
	undoing
}

func (f *interfaceDown) begin(d *Director, _ *Spec, nodes []model.Object) (string, bool) {
	f.hold(d, nodes, holds{unplugs: 1})
	for _, site := range d.sites(nodes) {
		f.between(d, Both, []network.Site{site}, d.everybodyBut(site), network.Impairment{Cut: true})
	}
	return "cut off from everybody", true
}

func (f *interfaceDown) end(d *Director) {
	f.undoing.end(d)
	f.impaired.end(d)
}
