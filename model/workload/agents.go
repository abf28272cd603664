package workload

import (
	"fmt"
	"time"

	"orrery/model"
	"orrery/model/network"
	"orrery/model/store"
	"orrery/sim"
)

// Agents is a program on every node that keeps lists of what API servers have, as
// those of networks and of logs do. Whenever its connection was lost, it lists all
// of it again.
type Agents struct {
	Name   string
	As     string // the user whose credential they show; "" is the cluster's administrator
	List   store.List
	Lists  int64         // how many LISTs one makes, all at once
	Jitter time.Duration // how long it waits at most before that, drawn anew each time
}

// An agent whose LIST fails asks again after 0.8 s, doubling to 30 s, each time 1 to
// 2 times that (k8s.io/client-go/tools/cache/reflector.go).
const (
	relistFirst = 800 * time.Millisecond
	relistMost  = 30 * time.Second
)

// ReasonRelisted is the reason of a note about an agent that has its lists again.
const ReasonRelisted = "Relisted"

// Fleet is the agents of a run.
type Fleet struct {
	kernel *sim.Kernel
	store  *store.Store
	self   sim.ActorID
	luck   sim.Lane
	rows   []agent
	asks   []ask
	unused []uint32
	of     map[uint32]uint32 // agents by client
}

// agent is one of them, on a node.
type agent struct {
	*Agents
	client *store.Client
	turn   uint64 // counts how often it listed
	missed int64  // LISTs not answered yet
	failed int64  // how often one failed in this turn
	since  sim.Time
}

// ask is one LIST of an agent, until it is answered.
type ask struct {
	agent uint32
	turn  uint64
	tries uint64
}

const (
	whyRelist   sim.Why = iota // about an agent
	whyAskAgain                // about an ask
)

// NewFleet is agents on the machines at some sites, with their lists.
func NewFleet(k *sim.Kernel, s *store.Store, net *network.Network, sites []network.Site, programs []Agents) *Fleet {
	f := &Fleet{kernel: k, store: s, luck: k.Luck().Lane("agents"), of: map[uint32]uint32{}}
	f.self = k.Register("agents", f)
	for i := range programs {
		p := &programs[i]
		as := store.Admin(p.Name)
		if p.As != "" {
			as = store.User(p.As)
		}
		for _, site := range sites {
			c := s.NewClient(store.ClientConfig{Name: p.Name + "@" + net.Name(site), As: as, Actor: f.self, Site: site, Tell: true})
			f.of[c.ID] = uint32(len(f.rows))
			f.rows = append(f.rows, agent{Agents: p, client: c})
		}
	}
	return f
}

// Wake implements sim.Actor.
func (f *Fleet) Wake(now sim.Time, why sim.Why, about uint64) {
	switch why {
	case store.WhyConnected:
		id := f.of[uint32(about)]
		a := &f.rows[id]
		a.turn++
		luck := f.luck.Draw(a.client.Hash, a.turn)
		f.kernel.Post(now.Add(luck.Duration(0, max(1, a.Jitter))), f.self, whyRelist, uint64(id)|a.turn<<32)
	case whyRelist:
		f.relist(now, uint32(about), about>>32)
	case whyAskAgain:
		f.send(uint32(about))
	case store.WhyReply:
		if r, ok := f.rows[0].client.Reply(about); ok {
			f.answered(now, r)
		}
	}
}

// relist begins a turn, unless there has been another one since.
func (f *Fleet) relist(now sim.Time, id uint32, turn uint64) {
	a := &f.rows[id]
	if turn != a.turn {
		return
	}
	a.missed, a.failed, a.since = a.Lists, 0, now
	for range a.Lists {
		slot := uint32(len(f.asks))
		if n := len(f.unused); n > 0 {
			slot, f.unused = f.unused[n-1], f.unused[:n-1]
		} else {
			f.asks = append(f.asks, ask{})
		}
		f.asks[slot] = ask{agent: id, turn: a.turn}
		f.send(slot)
	}
}

// send asks for a list, unless its turn is over.
func (f *Fleet) send(slot uint32) {
	q := &f.asks[slot]
	a := &f.rows[q.agent]
	if q.turn != a.turn {
		f.unused = append(f.unused, slot)
		return
	}
	a.client.List(&a.List, uint64(slot))
}

func (f *Fleet) answered(now sim.Time, r store.Reply) {
	slot := uint32(r.Tag)
	q := &f.asks[slot]
	a := &f.rows[q.agent]
	if q.turn != a.turn {
		f.unused = append(f.unused, slot)
		return
	}
	if r.Refusal == store.Accepted {
		f.unused = append(f.unused, slot)
		if a.missed--; a.missed == 0 {
			f.store.Note(f.self, model.Note{Named: "agent/" + a.client.Name, Reason: ReasonRelisted, Message: fmt.Sprintf("has its %d lists again, %v after it asked; %d failed before", a.Lists, now.Sub(a.since), a.failed)})
		}
		return
	}
	a.failed++
	wait := min(relistFirst<<min(q.tries, 10), relistMost)
	q.tries++
	luck := f.luck.Draw(a.client.Hash^uint64(slot), a.turn<<16|q.tries)
	f.kernel.Post(now.Add(luck.Duration(wait, 2*wait)), f.self, whyAskAgain, uint64(slot))
}

// DescribeWake implements sim.Describer.
func (f *Fleet) DescribeWake(sim.Why, uint64) string {
	return "an agent lists, or has news from the API server"
}
