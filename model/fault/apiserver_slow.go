package fault

import (
	"slices"

	"orrery/model"
	"orrery/sim"
)

// apiserverSlow has the API server on some machines of the control plane, on all if
// none is named, take longer for everything.
type apiserverSlow struct {
	servers []int
	latency sim.Dist
}

func (f *apiserverSlow) begin(d *Director, s *Spec, _ []model.Object) (string, bool) {
	f.servers, f.latency = d.servers(s), s.Latency
	for _, i := range f.servers {
		d.apiserver(i).slow = append(d.apiserver(i).slow, f)
	}
	return "", len(f.servers) > 0
}

func (f *apiserverSlow) end(d *Director) {
	for _, i := range f.servers {
		a := d.apiserver(i)
		a.slow = slices.DeleteFunc(a.slow, func(o *apiserverSlow) bool { return o == f })
	}
}
