package workload

// nearness is how many endpoints of a route are at each site and in each zone, while a
// bundle of senders is looked at.
type nearness struct {
	at    []int64 // by site
	zones []inZone
	lost  int64 // on nodes that do not exist
}

type inZone struct {
	name string
	n    int64
}

// locate computes how much of a flow stays on the node it comes from, and in its zone.
// Requests from outside of all nodes come from no zone.
func (t *Flows) locate(i int32) {
	f := &t.flows[i]
	if f.node == "" && !f.sentByPods() && f.of < 0 {
		return
	}
	for j := range f.bundles {
		b := &f.bundles[j]
		n := int64(len(b.route.Endpoints))
		if n == 0 {
			continue
		}
		t.near.count(t, i, b)
		for k := b.last; k >= 0; k = f.senders[k].next {
			s := &f.senders[k]
			f.lost.InsideMilliRPS += product(s.sent, n-t.near.lost, n)
			f.lost.ZoneMilliRPS += product(s.sent, t.near.zone(t.net.Zone(s.site)), n)
			f.lost.NodeMilliRPS += product(s.sent, t.near.at[s.site], n)
		}
		t.near.forget(t, b)
	}
}

func (c *nearness) count(t *Flows, flow int32, b *bundle) {
	for len(c.at) < t.net.Sites() {
		c.at = append(c.at, 0)
	}
	for k := range b.route.Endpoints {
		p := t.endpoint(flow, &b.route.Endpoints[k])
		if !p.known {
			c.lost++
			continue
		}
		c.at[p.site]++
		c.add(t.net.Zone(p.site))
	}
}

func (c *nearness) add(zone string) {
	for i := range c.zones {
		if c.zones[i].name == zone {
			c.zones[i].n++
			return
		}
	}
	c.zones = append(c.zones, inZone{zone, 1})
}

func (c *nearness) zone(name string) int64 {
	for i := range c.zones {
		if c.zones[i].name == name {
			return c.zones[i].n
		}
	}
	return 0
}

func (c *nearness) forget(t *Flows, b *bundle) {
	for k := range b.route.Endpoints {
		c.at[t.pods.Row(b.route.Endpoints[k].Pod.ID).site] = 0
	}
	c.zones, c.lost = c.zones[:0], 0
}
