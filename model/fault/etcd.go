package fault

import (
	"slices"

	"orrery/sim"
)

// Etcd is the group of members behind the API servers, one on each machine of
// the control plane. The Director calls SetDown only where it changes
// something, Defragment only after Fill.
type Etcd interface {
	SetDown(member int, down bool)
	Stop(member int) // SetDown, after handing over if it leads
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
	graceful bool // the fault that began last lets it hand over
	slow     []*etcdSlowDisk
	fsync    sim.Dist
}

// members is the numbers of members by the names of their machines.
func (d *Director) members(names []string) []int {
	var out []int
	for i, site := range d.world.ControlPlane() {
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
