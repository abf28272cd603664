package cluster

import (
	"time"

	"orrery/model/network"
	"orrery/sim"
)

// etcdBoot is how long a machine of etcd's own takes from power to a running
// member: the middle of what a node takes to its kubelet, an estimate as that is.
const etcdBoot = 45 * time.Second

// etcdMachine is a machine that runs a member of etcd and nothing else. It is no
// node, and nobody but etcd's clients notices it.
type etcdMachine struct {
	kernel *sim.Kernel
	net    *network.Network
	site   network.Site
	gate   *gate
	self   sim.ActorID
	boots  uint64
}

func newEtcdMachine(k *sim.Kernel, net *network.Network, site network.Site, g *gate) *etcdMachine {
	m := &etcdMachine{kernel: k, net: net, site: site, gate: g}
	m.self = k.Register("machine/"+net.Name(site), m)
	return m
}

// setPower ends everything there at once, or lets the machine boot.
func (m *etcdMachine) setPower(on bool) {
	m.boots++
	if on {
		m.kernel.Post(m.kernel.Now().Add(etcdBoot), m.self, 0, m.boots)
		return
	}
	m.net.SetPower(m.site, false)
	m.gate.set(&m.gate.dead, true)
}

// Wake implements sim.Actor: the machine has booted, unless its power went again.
func (m *etcdMachine) Wake(_ sim.Time, _ sim.Why, about uint64) {
	if about == m.boots {
		m.net.SetPower(m.site, true)
		m.gate.set(&m.gate.dead, false)
	}
}

// DescribeWake implements sim.Describer.
func (m *etcdMachine) DescribeWake(sim.Why, uint64) string { return "boot" }
