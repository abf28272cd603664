package cluster

import (
	"time"

	"orrery/model"
	"orrery/model/autoscaler"
	"orrery/model/cloud"
	"orrery/model/election"
	"orrery/model/kubelet"
	"orrery/model/network"
	"orrery/model/scheduler"
)

// hardware is the machines as the cloud provider has them.
type hardware struct{ x *Cluster }

// addCloud adds the provider, if machines come and go.
func (x *Cluster) addCloud() {
	if x.config.Cloud == nil {
		return
	}
	var nodes []*model.Node
	x.Store.Snapshot().Each(model.KindNode, func(o model.Object) bool {
		nodes = append(nodes, o.(*model.Node))
		return true
	})
	c := *x.config.Cloud
	c.Literal = x.config.Literal
	x.cloud = cloud.New(x.Kernel, x.Store, x.outside, hardware{x}, c, nodes)
	x.elect(cloudControllerPod, election.Config{Name: cloud.CloudControllerManager, As: cloud.As, QPS: cloud.QPS, Burst: cloud.Burst},
		func(site network.Site, replica string) election.Process {
			return x.cloud.NewNodeLifecycle(site, replica)
		})
	if x.config.Autoscaler == nil {
		return
	}
	a := *x.config.Autoscaler
	a.Literal = x.config.Literal
	filters := func() autoscaler.Filters { return scheduler.NewSimulation(x.config.profile(), x.Kernel.Luck()) }
	// cluster-autoscaler/main.go: ReleaseOnCancel; it calls itself by its host's name.
	x.elect(autoscalerPod, election.Config{Name: autoscaler.Name, As: autoscaler.As, QPS: autoscaler.QPS, Burst: autoscaler.Burst, Releases: true, SameIdentity: true},
		func(site network.Site, replica string) election.Process {
			return autoscaler.New(x.Kernel, x.Store, site, x.cloud, filters, replica, a)
		})
}

// elect adds a replica of a component on each machine of the control plane. That on
// the first leads at first. They are static pods there, and ask any API server.
func (x *Cluster) elect(pod string, c election.Config, work func(site network.Site, replica string) election.Process) {
	c.Literal, c.Balanced = x.config.Literal, true
	e := election.New(x.Kernel, x.Store, c)
	x.elections = append(x.elections, e)
	for i, site := range x.control {
		machine, replica := x.net.Name(site), ""
		if i > 0 {
			replica = "@" + machine
		}
		x.replica(pod, i, e.Add(machine, site, work(site, replica)))
		if i < len(x.machines) {
			x.contain(pod, i)
		}
	}
}

// replica makes a component's replica on a machine known.
func (x *Cluster) replica(pod string, machine int, c *election.Candidate) {
	x.replicas[pod] = append(x.replicas[pod], c)
	x.gates[machine][pod].process = c
}

// contain puts a replica into its container, on a machine that is a node.
func (x *Cluster) contain(pod string, machine int) {
	x.replicas[pod][machine].SetRunner(container{x.machines[machine], inContainer{x.gates[machine][pod]}})
}

// Install implements cloud.Hardware.
func (h hardware) Install(n *model.Node) {
	if int(n.ID) != len(h.x.kubelets) {
		panic("cluster: the machine " + n.Name + " is not the next one")
	}
	h.x.addMachine(n)
	h.x.kubelets[n.ID].PowerOff()
}

// Boot implements cloud.Hardware.
func (h hardware) Boot(node uint32) { h.x.kubelets[node].(*kubelet.Kubelet).FirstBoot() }

// Destroy implements cloud.Hardware.
func (h hardware) Destroy(node uint32) {
	h.x.kubelets[node].PowerOff()
	h.x.kubelets[node] = scrap{}
}

// ShutDown implements cloud.Hardware.
func (h hardware) ShutDown(node uint32) time.Duration {
	k, ok := h.x.kubelets[node].(*kubelet.Kubelet)
	if !ok {
		return 0
	}
	k.ShutDown(false)
	return k.Closing()
}

// scrap is a machine that is gone, whatever is done to it.
type scrap struct{}

// Start implements agent.
func (scrap) Start() {}

// PowerOff implements fault.Machine.
func (scrap) PowerOff() {}

// PowerOn implements fault.Machine.
func (scrap) PowerOn() {}

// Stop implements fault.Machine.
func (scrap) Stop() {}

// Resume implements fault.Machine.
func (scrap) Resume() {}

// ShutDown implements fault.Machine.
func (scrap) ShutDown(bool) {}

// StopRuntime implements fault.Machine.
func (scrap) StopRuntime() {}

// StartRuntime implements fault.Machine.
func (scrap) StartRuntime() {}

// StopCNI implements fault.Machine.
func (scrap) StopCNI() {}

// StartCNI implements fault.Machine.
func (scrap) StartCNI() {}

// CrashContainer implements fault.Machine.
func (scrap) CrashContainer(model.Ref, string, int32) bool { return false }

// HarmProbes implements fault.Machine.
func (scrap) HarmProbes(model.Ref, string, model.ProbeHarm) {}

// HealProbes implements fault.Machine.
func (scrap) HealProbes(model.Ref, string, model.ProbeHarm) {}

// Hang implements fault.Machine.
func (scrap) Hang(model.Ref) {}

// Stick implements fault.Machine.
func (scrap) Stick(model.Ref) {}

// Unstick implements fault.Machine.
func (scrap) Unstick(model.Ref) {}

// Unhang implements fault.Machine.
func (scrap) Unhang(model.Ref) {}

// Stress implements fault.Machine.
func (scrap) Stress(model.Ref, string, model.Stress) {}

// Unstress implements fault.Machine.
func (scrap) Unstress(model.Ref, string, model.Stress) {}

// HasDisks implements fault.Machine.
func (scrap) HasDisks(model.Ref) bool { return false }

// BreakDisk implements fault.Machine.
func (scrap) BreakDisk(string) {}

// MendDisk implements fault.Machine.
func (scrap) MendDisk(string) {}

// Doom implements fault.Machine.
func (scrap) Doom(model.Ref, string, model.Doom) {}

// Spare implements fault.Machine.
func (scrap) Spare(model.Ref, string) {}

// FillDisk implements fault.Machine.
func (scrap) FillDisk(int64) int64 { return 0 }

// SetLink implements fault.Machine.
func (scrap) SetLink(int64) {}

// SetOffline implements fault.Machine.
func (scrap) SetOffline(bool) {}

// FillInodes implements fault.Machine.
func (scrap) FillInodes(int64) int64 { return 0 }

// FreeInodes implements fault.Machine.
func (scrap) FreeInodes(int64) {}

// TakePIDs implements fault.Machine.
func (scrap) TakePIDs(int64) int64 { return 0 }

// ReturnPIDs implements fault.Machine.
func (scrap) ReturnPIDs(int64) {}

// FreeDisk implements fault.Machine.
func (scrap) FreeDisk(int64) {}

// Burn implements fault.Machine.
func (scrap) Burn(int64) {}

// Cool implements fault.Machine.
func (scrap) Cool(int64) {}

// SlowDisk implements fault.Machine.
func (scrap) SlowDisk(int64) {}

// QuickenDisk implements fault.Machine.
func (scrap) QuickenDisk(int64) {}

// Creep implements fault.Machine.
func (scrap) Creep(int64, int64, int64) {}

// TakeMemory implements fault.Machine.
func (scrap) TakeMemory(int64, time.Duration, int64) int64 { return 0 }

// ReturnMemory implements fault.Machine.
func (scrap) ReturnMemory(int64) {}
