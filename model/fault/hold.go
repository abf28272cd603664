package fault

import "slices"

// machine is how many faults hold a machine down, and what was done to it for
// that. Faults only count; settle acts, once all faults of an instant have
// begun and ended. So faults may overlap in any way, and one that begins in
// the instant another ends makes no gap.
type machine struct {
	holds
	off, cut, stopped, runtimeStopped bool // what is the case; cut is that it did not go down in an orderly way
	cniStopped, proxyStopped, spoiled bool
	unplugged                         bool

	taken       [allShared]partTaken
	toBeSettled bool
}

// holds is numbers of faults.
type holds struct {
	downs        int // that keep a machine without power
	gentle       int // of them, those for which it goes down in an orderly way
	stops        int // that keep its kubelet stopped
	runtimeStops int // that keep its container runtime stopped
	cniStops     int // that have its CNI plugin fail
	proxyStops   int // that keep its kube-proxy stopped
	spoils       int // that have load balancers' probes of it fail
	unplugs      int // that leave it no connection
}

// hold counts so many more faults of a node, or fewer, each of which does what is 1.
func (d *Director) hold(node uint32, by int, what holds) {
	m := d.machines.Row(node)
	m.downs += by * what.downs
	m.gentle += by * what.gentle
	m.stops += by * what.stops
	m.runtimeStops += by * what.runtimeStops
	m.cniStops += by * what.cniStops
	m.proxyStops += by * what.proxyStops
	m.spoils += by * what.spoils
	m.unplugs += by * what.unplugs
	if !m.toBeSettled {
		m.toBeSettled = true
		d.unsettled = append(d.unsettled, node)
	}
}

// Withdraw takes a node's machine away, and Supply gives it one again, as a
// provider does; a fault that holds it down goes on with the new one.
func (d *Director) Withdraw(node uint32) {
	d.hold(node, 1, holds{downs: 1})
	d.settle()
}

// Supply takes back one Withdraw.
func (d *Director) Supply(node uint32) {
	d.hold(node, -1, holds{downs: 1})
	d.settle()
}

// settle makes everything that is held be so, and everything else not. Power
// and the kubelet are held apart from each other: a machine that boots starts
// its kubelet, as systemd does, but not one that is stopped.
func (d *Director) settle() {
	slices.Sort(d.unsettled)
	for _, node := range d.unsettled {
		d.settleMachine(node)
	}
	d.unsettled = d.unsettled[:0]
	d.settleRegistries()
	d.settleEtcd()
	d.settleReplicas()
	d.settleAPIServers()
	d.settleWebhooks()
	d.settleDNS()
}

func (d *Director) settleMachine(node uint32) {
	m := d.machines.Row(node)
	m.toBeSettled = false
	d.settlePower(m, node)
	if stopped := m.runtimeStops > 0; stopped != m.runtimeStopped {
		m.runtimeStopped = stopped
		if stopped {
			d.host(node).StopRuntime()
		} else {
			d.host(node).StartRuntime()
		}
	}
	if stopped := m.cniStops > 0; stopped != m.cniStopped {
		m.cniStopped = stopped
		if stopped {
			d.host(node).StopCNI()
		} else {
			d.host(node).StartCNI()
		}
	}
	if stopped := m.stops > 0; stopped != m.stopped {
		m.stopped = stopped
		if stopped {
			d.world.Machine(node).Stop()
		} else {
			d.world.Machine(node).Resume()
		}
	}
	d.settleShares(m, node)
	if cut := m.unplugs > 0; cut != m.unplugged {
		m.unplugged = cut
		if h := d.host(node); h != nil {
			h.SetOffline(cut)
		}
	}
	if spoiled := m.spoils > 0; spoiled != m.spoiled {
		m.spoiled = spoiled
		for _, b := range d.world.Balancers() {
			b.Spoil(node, spoiled)
		}
	}
	if stopped := m.proxyStops > 0; stopped != m.proxyStopped {
		m.proxyStopped = stopped
		d.stopProxy(node, stopped)
	}
}

// settlePower cuts the power of a machine, also of one that is going down in an orderly
// way, or has it go down so, or gives the power back.
func (d *Director) settlePower(m *machine, node uint32) {
	off, cut := m.downs > 0, m.downs > m.gentle
	switch machine := d.world.Machine(node); {
	case off && cut && !m.cut:
		machine.PowerOff()
	case off && !m.off:
		machine.ShutDown(false)
	case !off && m.off:
		machine.PowerOn()
	}
	m.off, m.cut = off, off && (cut || m.cut)
}

// free tells whether no fault keeps a machine or its kubelet down.
func (d *Director) free(node uint32) bool {
	m := d.machines.Row(node)
	return m.downs == 0 && m.stops == 0
}
