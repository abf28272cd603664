package fault

import "orrery/model"

// undoing is what an effect has done to single nodes and pods, each with what takes it
// back. An effect that embeds it ends with that, in the order in which it was done.
type undoing struct{ undo []func() }

// later has something be done when the fault is over.
func (u *undoing) later(undo func()) { u.undo = append(u.undo, undo) }

// hold counts a fault of nodes until it is over.
func (u *undoing) hold(d *Director, nodes []model.Object, what holds) {
	for _, n := range nodes {
		node := n.Head().ID
		d.hold(node, 1, what)
		u.later(func() { d.hold(node, -1, what) })
	}
}

// hosts takes something of machines on which something runs, and takes it back when the
// fault is over.
func (u *undoing) hosts(d *Director, nodes []model.Object, take func(h Host, n *model.Node) (back func())) {
	for _, o := range nodes {
		n := o.(*model.Node)
		u.later(take(d.host(n.ID), n))
	}
}

// pods does something to pods on their machines, and undoes it when the fault is over.
func (u *undoing) pods(d *Director, pods []model.Object, do func(h Host, p *model.Pod) (undo func())) {
	for _, o := range pods {
		p := o.(*model.Pod)
		u.later(do(d.host(p.NodeID), p))
	}
}

func (u *undoing) end(*Director) {
	for _, undo := range u.undo {
		undo()
	}
}
