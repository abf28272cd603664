package kubelet

import (
	"time"

	"orrery/model"
	"orrery/sim"
)

// bootTime is from power to a running kubelet, cniTime from there to a network
// for pods: modeling values for a server with a small Linux.
var (
	bootTime = sim.Uniform(30*time.Second, 60*time.Second)
	cniTime  = sim.Lognormal(5*time.Second, 15*time.Second)
)

// fastReady is how often a kubelet that has just started looks whether it can
// say Ready (pkg/kubelet/kubelet.go fastStatusUpdateOnce).
const fastReady = 100 * time.Millisecond

// Stop ends the kubelet's process, and nothing else: containers run on,
// nobody restarts or probes them, nobody renews the lease.
func (k *Kubelet) Stop() {
	if !k.running {
		return
	}
	k.running = false
	k.epoch++
	k.leases.Stop(k.node.ID)
	k.orders.Stop()
	k.about.Stop()
	k.client.Restart()
	k.beat.Restart()
	k.machine.CancelPulls()
	k.slots, k.rows, k.queue = k.slots[:0], k.rows[:0], k.queue[:0]
	k.used, k.writing, k.patching = model.Resources{}, false, false
}

// Resume starts the process again, on a machine with power. It knows only what
// the API and the machine tell it.
func (k *Kubelet) Resume() {
	if !k.running && k.machine.Powered() {
		k.launch(0)
	}
}

// PowerOff takes the machine's power: its containers and the kubelet are gone
// at once, or do not come back from a boot under way.
func (k *Kubelet) PowerOff() {
	k.booting = false
	if !k.machine.Powered() {
		return
	}
	k.Stop()
	k.machine.PowerOff()
}

// PowerOn gives it back. The machine boots, and the kubelet with it.
func (k *Kubelet) PowerOn() {
	if k.machine.Powered() || k.booting {
		return
	}
	k.booting = true
	k.boots++
	luck := k.luck.boot.Draw(k.hash, k.boots)
	k.kernel.Post(k.kernel.Now().Add(bootTime.Draw(&luck)), k.self, whyBoot, k.boots)
}

// boot is the end of booting. The kubelet's first word is that the node has no
// pod network yet.
func (k *Kubelet) boot(nth uint64) {
	if !k.booting || nth != k.boots {
		return
	}
	k.booting = false
	k.machine.Boot()
	luck := k.luck.boot.Draw(^k.hash, k.boots)
	k.launch(cniTime.Draw(&luck))
	k.client.Note(k.node, true, "Rebooted", "Node "+k.node.Name+" has been rebooted")
	k.patch(model.False, "KubeletNotReady")
}

// launch starts the process. Pods can have a network after cni. What the
// machine has stays allocated: the kubelet keeps that on disk.
func (k *Kubelet) launch(cni time.Duration) {
	now := k.kernel.Now()
	luck := k.luck.phases.Draw(k.hash, 1+uint64(k.epoch))
	k.startedAt, k.networkAt, k.synced = now, now.Add(cni), false
	k.relist.Phase = now
	k.work.Phase = now.Add(luck.Duration(0, workEvery))
	k.statusPass.Phase = now.Add(luck.Duration(0, statusPassEvery))
	k.housekeeping.Phase = now.Add(luck.Duration(housekeepingEvery, 2*housekeepingEvery))
	k.nodeStatus.Phase = k.networkAt.Add(luck.Duration(fastReady, 2*fastReady))
	for _, s := range k.machine.Sandboxes() {
		if s != nil && s.Admitted {
			k.allocate(s.Pod.Spec.Request, 1)
		}
	}
	k.begin(0)
}

// keepHouse ends what runs on the machine and nobody knows of, once all pods
// of the node were listed (pkg/kubelet/kubelet_pods.go HandlePodCleanups).
func (k *Kubelet) keepHouse() {
	if k.synced {
		return
	}
	now := k.kernel.Now()
	if !k.orders.Drained() {
		k.want(&k.housekeeping, whyHousekeeping, now+1)
		return
	}
	k.synced = true
	for _, s := range k.machine.Sandboxes() {
		if s == nil || k.find(s.Pod.ID) != nil {
			continue
		}
		r := k.add(s.Pod)
		r.gone, r.orphan = true, true
		k.charge(r)
		k.sync(r, now)
	}
}
