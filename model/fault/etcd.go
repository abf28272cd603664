package fault

import (
	"slices"

	"orrery/model/network"
	"orrery/sim"
)

// Etcd is the group of members behind the API servers, one on each machine of
// the control plane, or on machines of its own. The Director calls SetDown only where it changes
// something, Defragment only after Fill.
type Etcd interface {
	SetDown(member int, down bool)
	Stop(member int) // SetDown, after handing over if it leads
	// SetPower takes the power of a machine that is etcd's own, or has it boot.
	SetPower(member int, on bool)
	// SetFsync says how long syncs of a member's disk take; the zero value is
	// what they took at first.
	SetFsync(member int, d sim.Dist)
	// Fill makes the database as large as its quota; Defragment is the
	// operator's way out of that.
	Fill()
	Defragment()
	// Restore begins anew with what was true when a backup was taken.
	Restore(taken sim.Time, bumpRevision bool)
}

// etcdMember is how many faults hold a member down, and what its disk is made
// to take; the fault that began last decides.
type etcdMember struct {
	downs    int
	down     bool
	offs     int // of its machine, if that is its own
	off      bool
	graceful bool // the fault that began last lets it hand over
	slow     []*etcdSlowDisk
	fsync    sim.Dist
}

// controlMachines is the numbers of machines of the control plane by their names.
func (d *Director) controlMachines(names []string) []int {
	return d.named(d.world.ControlPlane(), names)
}

// members is the numbers of members by the names of their machines.
func (d *Director) members(names []string) []int { return d.named(d.world.EtcdSites(), names) }

func (d *Director) named(sites []network.Site, names []string) []int {
	var out []int
	for i, site := range sites {
		if slices.Contains(names, d.world.Network().Name(site)) {
			out = append(out, i)
		}
	}
	return out
}

func (d *Director) etcdMember(i int) *etcdMember {
	for len(d.etcd) <= i {
		d.etcd = append(d.etcd, etcdMember{})
	}
	return &d.etcd[i]
}

// settleEtcd makes what is held be so, and everything else not.
func (d *Director) settleEtcd() {
	for i := range d.etcd {
		m := &d.etcd[i]
		if off := m.offs > 0; off != m.off {
			m.off = off
			d.world.Etcd().SetPower(i, !off)
		}
		if down := m.downs > 0; down != m.down {
			if m.down = down; down && m.graceful {
				d.world.Etcd().Stop(i)
			} else {
				d.world.Etcd().SetDown(i, down)
			}
		}
		want := sim.Dist{}
		if n := len(m.slow); n > 0 {
			want = m.slow[n-1].fsync
		}
		if want != m.fsync {
			m.fsync = want
			d.world.Etcd().SetFsync(i, want)
		}
	}
	if full := d.etcdFull > 0; full != d.etcdFilled {
		d.etcdFilled = full
		if full {
			d.world.Etcd().Fill()
		} else {
			d.world.Etcd().Defragment()
		}
	}
}

// etcdZone is the members whose machines, which are no nodes, are in the zone that a
// target means as a whole.
func (d *Director) etcdZone(t *Target) (out []int) {
	if t.Zone == "" || t.Count > 0 || t.PercentPPM > 0 || len(t.Names) > 0 || t.Match != nil || !d.etcdApart() {
		return nil
	}
	for i, site := range d.world.EtcdSites() {
		if d.world.Network().Zone(site) == t.Zone {
			out = append(out, i)
		}
	}
	return out
}

// etcdApart tells whether etcd has machines of its own.
func (d *Director) etcdApart() bool {
	return !slices.Equal(d.world.EtcdSites(), d.world.ControlPlane())
}

// allControl is every machine of the control plane, and of etcd.
func (d *Director) allControl() []network.Site {
	if !d.etcdApart() {
		return slices.Clone(d.world.ControlPlane())
	}
	return slices.Concat(d.world.ControlPlane(), d.world.EtcdSites())
}
