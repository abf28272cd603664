package store

import (
	"slices"
	"time"

	"orrery/model"
	"orrery/sim"
)

// Disturbed hears that requests may no longer be answered as usual, or may be
// again. Only those are told who compute what would be answered in quiet times.
type Disturbed interface{ Disturbed(now sim.Time) }

// OnDisturbance adds d to those told.
func (s *Store) OnDisturbance(d Disturbed) { s.alert = append(s.alert, d) }

// SetSteady says whether etcd is as it should be: every member up, with a disk as
// fast as ever and space on it. Only API servers call it.
func (s *Store) SetSteady(ok bool) {
	s.unsteady = !ok
	s.disturbed()
}

func (s *Store) disturbed() {
	now, once := s.kernel.Now(), s.alertOnce
	s.alertOnce = nil
	for _, d := range s.alert {
		d.Disturbed(now)
	}
	for _, d := range once {
		d.Disturbed(now)
	}
}

// OnNextDisturbance has d told of the next one only.
func (c *Client) OnNextDisturbance(d Disturbed) { c.store.alertOnce = append(c.store.alertOnce, d) }

// Undisturbed tells whether small requests of the client are answered as usual:
// its credential is good, and nothing is wrong with the network or with etcd. It is
// for those who compute what the answers would be; a component is not told.
func (c *Client) Undisturbed() bool {
	s := c.store
	if s.unsteady || !c.Authentic() || !c.served() || slices.Contains(s.wire.strict, c.Server) || slices.Contains(s.leases.deaf, c.Server) {
		return false
	}
	clean := s.net.Unimpaired(c.Site, c.Server) && s.net.Unimpaired(c.Server, c.Site)
	for _, a := range s.wire.servers {
		for _, b := range s.wire.servers {
			clean = clean && s.net.Unimpaired(a.site, b.site)
		}
	}
	return clean
}

// Prompt tells whether a small request of the client is answered as usual, or later by no
// more than nobody notices: it is undisturbed, and its API server has time.
func (c *Client) Prompt(late time.Duration) bool {
	return c.Undisturbed() && c.store.wire.server(c.Server).lister.Prompt(c.store.kernel.Now(), late)
}

// Place puts an object where it has been since before the run: that is no record.
func (s *Store) Place(obj model.Object) {
	m := obj.Head()
	if len(s.current[m.Kind]) == 0 {
		s.current[m.Kind] = append(s.current[m.Kind], nil)
		s.latest[m.Kind] = append(s.latest[m.Kind], 0)
	}
	m.ID, m.Generation = s.number(m), 1
	s.ids[key{m.Kind, m.Namespace, m.Name}] = m.ID
	s.Touch(obj)
}

// Touch replaces an object by a version that says nothing new but that its writer
// goes on: that is no record, and nobody who watches is told.
func (s *Store) Touch(obj model.Object) {
	ref := obj.Head().Ref()
	s.current[ref.Kind][ref.ID] = obj
	s.keyspace.ReplaceOrInsert(item{ref, obj})
}

// Follow is when a watch of one object that begins now has told what there is, Never if no API
// server answers the client.
func (c *Client) Follow() sim.Time {
	if !c.served() || !c.Authentic() {
		return sim.Never
	}
	return c.store.wire.server(c.Server).lister.Stream(c.store.kernel.Now(), 1)
}

// Followed is an object as a watch of it has it, nil if there is none: what is on its way is there
// already. It is false while the watch has no connection, and its client has what it had.
func (c *Client) Followed(kind model.Kind, namespace, name string) (model.Object, bool) {
	if !c.served() {
		return nil, false
	}
	return c.store.Lookup(kind, namespace, name), true
}
