package fault

import "slices"

// machine is how many faults hold a machine down, and what was done to it for
// that. Faults only count; settle acts, once all faults of an instant have
// begun and ended. So faults may overlap in any way, and one that begins in
// the instant another ends makes no gap.
type machine struct {
	downs, stops, runtimeStops   int  // faults in force
	off, stopped, runtimeStopped bool // what is the case
	toBeSettled                  bool
}

// hold counts by more (or fewer) faults that keep a node without power, and
// that keep its kubelet stopped.
func (d *Director) hold(node uint32, downs, stops int) {
	m := d.machines.Row(node)
	m.downs += downs
	m.stops += stops
	d.unsettle(m, node)
}

// holdRuntime counts by more (or fewer) faults that keep a node's container runtime
// stopped.
func (d *Director) holdRuntime(node uint32, stops int) {
	m := d.machines.Row(node)
	m.runtimeStops += stops
	d.unsettle(m, node)
}

func (d *Director) unsettle(m *machine, node uint32) {
	if !m.toBeSettled {
		m.toBeSettled = true
		d.unsettled = append(d.unsettled, node)
	}
}

// Withdraw takes a node's machine away, and Supply gives it one again, as a
// provider does; a fault that holds it down goes on with the new one.
func (d *Director) Withdraw(node uint32) {
	d.hold(node, 1, 0)
	d.settle()
}

// Supply takes back one Withdraw.
func (d *Director) Supply(node uint32) {
	d.hold(node, -1, 0)
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
	d.settleRegistry()
	d.settleEtcd()
	d.settleReplicas()
	d.settleAPIServers()
	d.settleWebhooks()
	d.settleDNS()
}

func (d *Director) settleMachine(node uint32) {
	m := d.machines.Row(node)
	m.toBeSettled = false
	if off := m.downs > 0; off != m.off {
		m.off = off
		if off {
			d.world.Machine(node).PowerOff()
		} else {
			d.world.Machine(node).PowerOn()
		}
	}
	if stopped := m.runtimeStops > 0; stopped != m.runtimeStopped {
		m.runtimeStopped = stopped
		if stopped {
			d.world.Machine(node).StopRuntime()
		} else {
			d.world.Machine(node).StartRuntime()
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
}
