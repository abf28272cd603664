package fault

import "orrery/sim"

// APIServer is the server on a machine of the control plane.
type APIServer interface {
	Process
	// SetLatency has everything it does take so much longer; the zero value is not
	// at all.
	SetLatency(sim.Dist)
}

// apiserver is how many faults keep a server from running, and what slows it down;
// the fault that began last decides.
type apiserver struct {
	downs   int
	down    bool
	slow    []*apiserverSlow
	latency sim.Dist
}

// servers is the numbers of the servers that a fault is about: of those machines
// it names, or all.
func (d *Director) servers(s *Spec) []int {
	if len(s.Members) > 0 {
		return d.controlMachines(s.Members)
	}
	all := make([]int, len(d.world.ControlPlane()))
	for i := range all {
		all[i] = i
	}
	return all
}

func (d *Director) apiserver(i int) *apiserver {
	for len(d.apiservers) <= i {
		d.apiservers = append(d.apiservers, apiserver{})
	}
	return &d.apiservers[i]
}

// settleAPIServers makes what is held be so, and everything else not.
func (d *Director) settleAPIServers() {
	for i := range d.apiservers {
		a := &d.apiservers[i]
		if down := a.downs > 0; down != a.down {
			if a.down = down; down {
				d.world.APIServer(i).Stop()
			} else {
				d.world.APIServer(i).Start()
			}
		}
		want := sim.Dist{}
		if n := len(a.slow); n > 0 {
			want = a.slow[n-1].latency
		}
		if want != a.latency {
			a.latency = want
			d.world.APIServer(i).SetLatency(want)
		}
	}
}
