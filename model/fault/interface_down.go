package fault

import (
	"slices"

	"orrery/model"
	"orrery/model/network"
)

// interfaceDown cuts machines off from everybody else. What runs there goes on, and
// what its processes tell each other arrives.
type interfaceDown struct{ impaired }

func (f *interfaceDown) begin(d *Director, _ *Spec, nodes []model.Object) (string, bool) {
	for _, site := range d.sites(nodes) {
		f.isolate(d, site)
	}
	return "cut off from everybody", true
}

// isolate cuts one site off from all that there are now.
func (f *impaired) isolate(d *Director, site network.Site) {
	var others []network.Site
	for s := range network.Site(d.world.Network().Sites()) {
		others = append(others, s)
	}
	others = slices.DeleteFunc(others, func(s network.Site) bool { return s == site })
	f.between(d, Both, []network.Site{site}, others, network.Impairment{Cut: true})
}
