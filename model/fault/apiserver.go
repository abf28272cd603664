package fault

// apiserver is how many faults keep a server from running.
type apiserver struct {
	downs int
	down  bool
}

// servers is the numbers of the servers that a fault is about: of those machines
// it names, or all.
func (d *Director) servers(s *Spec) []int {
	if len(s.Members) > 0 {
		return d.members(s.Members)
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
	}
}
