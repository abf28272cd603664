package fault

import (
	"orrery/model"
	"orrery/model/network"
	"orrery/model/store"
)

// World is what faults act on: the truth itself, as no component has it.
type World interface {
	Truth() *store.Store
	Network() *network.Network
	ControlPlane() []network.Site // the sites of its machines
	NodeSite(node uint32) network.Site
	Machine(node uint32) Machine
	Registry() Registry
}

// Machine is a node's hardware and what runs on it. The Director calls a
// method only where it changes something: PowerOn after PowerOff, Resume after
// Stop, and neither Stop nor Resume while there is no power.
type Machine interface {
	PowerOff() // everything on it ends at once
	PowerOn()  // it boots, and starts a kubelet
	Stop()     // the kubelet ends; containers go on
	Resume()   // a new kubelet starts
	// CrashContainer ends one container's process with an exit code. It is
	// false if none was running.
	CrashContainer(pod model.Ref, container string, exitCode int32) bool
}

// Registry is where images come from.
type Registry interface{ SetDown(bool) }
