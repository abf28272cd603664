package fault

import (
	"orrery/model"
	"orrery/model/network"
)

// interfaceDown cuts machines off from everybody else. What runs there goes on, and
// what its processes tell each other arrives.
type interfaceDown struct{ impaired }

func (f *interfaceDown) begin(d *Director, _ *Spec, nodes []model.Object) (string, bool) {
	for _, site := range d.sites(nodes) {
		f.between(d, Both, []network.Site{site}, d.everybodyBut(site), network.Impairment{Cut: true})
	}
	return "cut off from everybody", true
}
