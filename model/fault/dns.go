package fault

import (
	"slices"
	"time"
)

// dnsHarm is one fault of the program behind the DNS Service: its pods look alive.
type dnsHarm struct {
	down   bool
	errors int64         // of a million queries
	slow   time.Duration // that a query takes more
}

// hold puts the harm in force. Of what several do to answers the worst counts.
func (f *dnsHarm) hold(d *Director) { d.dns = append(d.dns, f) }

func (f *dnsHarm) end(d *Director) {
	d.dns = slices.DeleteFunc(d.dns, func(o *dnsHarm) bool { return o == f })
}

// settleDNS makes what is held be so, and everything else not.
func (d *Director) settleDNS() {
	var all dnsHarm
	for _, f := range d.dns {
		all.down = all.down || f.down
		all.errors = max(all.errors, f.errors)
		all.slow = max(all.slow, f.slow)
	}
	if all != d.dnsHarmed {
		d.dnsHarmed = all
		d.world.DNS().Harm(all.down, all.errors, all.slow)
	}
}
