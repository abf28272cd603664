package fault

import (
	"slices"
	"strings"
	"time"
)

// DNSHarm is what is wrong with the program behind the DNS Service, whose pods look alive.
type DNSHarm struct {
	Names  []string      // of Services, as path.Match has patterns: "stock", "pay*", "stock.shop"; none is all
	Down   bool          // nobody answers
	Errors int64         // of a million queries are answered with SERVFAIL
	Denied int64         // of the others so many with NXDOMAIN: there is no such name
	Wrong  int64         // of a million requests get an address at which there is nobody
	Slow   time.Duration // that a query takes more
}

// dnsHarm is one fault of it. What several do to a name is independent of one another.
type dnsHarm struct{ DNSHarm }

// hold puts the harm in force.
func (f *dnsHarm) hold(d *Director, s *Spec) {
	f.Names = s.Names
	d.dns = append(d.dns, f)
	d.dnsChanged = true
}

func (f *dnsHarm) end(d *Director) {
	d.dns = slices.DeleteFunc(d.dns, func(o *dnsHarm) bool { return o == f })
	d.dnsChanged = true
}

// said is whose names it is about.
func (f *dnsHarm) said(what string) string {
	if len(f.Names) == 0 {
		return what
	}
	return what + ", of " + strings.Join(f.Names, ", ")
}

// settleDNS makes what is held be so, and everything else not.
func (d *Director) settleDNS() {
	if !d.dnsChanged {
		return
	}
	d.dnsChanged = false
	var all []DNSHarm
	for _, f := range d.dns {
		all = append(all, f.DNSHarm)
	}
	d.world.DNS().Harm(all)
}
