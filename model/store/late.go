package store

import (
	"time"

	"orrery/model"
)

// Sever cuts clients off from their API servers, whatever the network does, until as
// many calls of Mend. Only faults call it.
func (s *Store) Sever(whose func(*Client) bool) { s.sever(whose, 1) }

// Mend takes back one Sever.
func (s *Store) Mend(whose func(*Client) bool) { s.sever(whose, -1) }

func (s *Store) sever(whose func(*Client) bool, more int) {
	for _, c := range s.clients {
		if whose(c) {
			c.severed += more
		}
	}
	s.LinksChanged(s.kernel.Now())
}

// served tells whether the client is connected to a server that can reach etcd.
func (c *Client) served() bool { return c.severed == 0 && c.store.wire.served(c.Site, c.Server) }

// Delay makes the watches of clients that are of some kinds later by d, or less late
// if that is negative: then what is on its way gains that, too. It returns how many
// watches it concerns. Only faults call it.
func (s *Store) Delay(whose func(*Client) bool, late func(model.Kind) bool, d time.Duration) (n int) {
	now := s.kernel.Now()
	for _, w := range s.watches {
		if !whose(w.client) || !late(w.kind) {
			continue
		}
		n++
		w.late += d
		if d > 0 || w.head == len(w.queue) {
			continue
		}
		for i := w.head; i < len(w.queue); i++ {
			w.last = max(now, w.queue[i].at.Add(d))
			w.queue[i].at = w.last
		}
		s.kernel.Post(w.queue[w.head].at, w.client.Actor, WhyWatch, uint64(w.ID))
	}
	return n
}
