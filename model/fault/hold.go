package fault

import "slices"

// machine is how many faults hold a machine down, and what was done to it for
// that. Faults only count; settle acts, once all faults of an instant have
// begun and ended. So faults may overlap in any way, and one that begins in
// the instant another ends makes no gap.
type machine struct {
	downs, stops int  // faults in force
	off, stopped bool // what is the case; stopped means something only while not off
	toBeSettled  bool
}

// hold counts by more (or fewer) faults that keep a node without power, and
// that keep its kubelet stopped.
func (d *Director) hold(node uint32, downs, stops int) {
	m := d.machines.Row(node)
	m.downs += downs
	m.stops += stops
	if !m.toBeSettled {
		m.toBeSettled = true
		d.unsettled = append(d.unsettled, node)
	}
}

// settle makes everything that is held be so, and everything else not. A
// machine that boots starts its kubelet, as systemd does; a kubelet-stop still
// in force then stops it again.
func (d *Director) settle() {
	slices.Sort(d.unsettled)
	for _, node := range d.unsettled {
		d.settleMachine(node)
	}
	d.unsettled = d.unsettled[:0]
	if down := d.registryDowns > 0; down != d.registryDown {
		d.registryDown = down
		d.world.Registry().SetDown(down)
	}
}

func (d *Director) settleMachine(node uint32) {
	m := d.machines.Row(node)
	m.toBeSettled = false
	site := d.world.NodeSite(node)
	if off := m.downs > 0; off != m.off {
		m.off, m.stopped = off, false
		if off {
			d.world.Machine(node).PowerOff()
			d.world.Network().SetPower(site, false)
			return
		}
		d.world.Network().SetPower(site, true)
		d.world.Machine(node).PowerOn()
	}
	if stopped := m.stops > 0; !m.off && stopped != m.stopped {
		m.stopped = stopped
		if stopped {
			d.world.Machine(node).Stop()
		} else {
			d.world.Machine(node).Resume()
		}
	}
}
