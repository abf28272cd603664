package fault

import "orrery/model"

// apiserverCrash ends the API server's process on some machines of the control
// plane, on all if none is named. It starts again, with an empty watch cache, when
// the last fault that keeps it down is over; without for that is at once.
type apiserverCrash struct{ servers []int }

func (f *apiserverCrash) begin(d *Director, s *Spec, _ []model.Object) (string, bool) {
	f.servers = d.servers(s)
	for _, i := range f.servers {
		d.apiserver(i).downs++
	}
	d.settleAPIServers()
	return "", len(f.servers) > 0
}

func (f *apiserverCrash) end(d *Director) {
	for _, i := range f.servers {
		d.apiserver(i).downs--
	}
}
