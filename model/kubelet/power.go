package kubelet

import (
	"time"

	"orrery/model"
	"orrery/sim"
)

// bootTime is from power to a running kubelet, cniTime from there to a network
// for pods, startTime from a start of the process alone to its first relist:
// modeling values for a server with a small Linux.
var (
	startTime = sim.Uniform(time.Second, 3*time.Second)
	bootTime  = sim.Uniform(30*time.Second, 60*time.Second)
	cniTime   = sim.Lognormal(5*time.Second, 15*time.Second)
)

// fastReady is how often a kubelet that has just started looks whether it can
// say Ready (pkg/kubelet/kubelet.go fastStatusUpdateOnce).
const fastReady = 100 * time.Millisecond

// restartAfter is when systemd starts a kubelet again that has ended by itself (RestartSec of
// kubelet.service, as in cluster/gce/gci/configure-helper.sh).
const restartAfter = 10 * time.Second

// Stop ends the kubelet's process, and nothing else: containers run on,
// nobody restarts or probes them, nobody renews the lease. It is not started
// before Resume, not even by a machine that boots.
func (k *Kubelet) Stop() {
	k.held = true
	k.halt()
	if k.closing.on { // and with it its lock, which kept the machine from going down
		k.closed()
	}
}

// halt is the end of the process, or of its start.
func (k *Kubelet) halt() {
	k.starts++
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
	k.machine.BreakOff()
	k.machine.LeaveLogs()
	k.slots, k.rows, k.queue, k.disks = k.slots[:0], k.rows[:0], k.queue[:0], k.disks[:0]
	k.unwritten, k.configs = k.unwritten[:0], nil
	k.used, k.writing, k.patching, k.cordoned = model.Resources{}, false, false, false
	k.forgetMirrors()
}

// Resume lets the process start again, at once if the machine is up, else with
// it. It knows only what the API and the machine tell it.
func (k *Kubelet) Resume() {
	k.held = false
	if k.running || !k.machine.Powered() {
		return
	}
	k.startAfter(0)
}

// startAfter has the process start after a while.
func (k *Kubelet) startAfter(wait time.Duration) {
	k.starts++
	luck := k.luck.start.Draw(k.hash, k.starts)
	k.kernel.Post(k.kernel.Now().Add(wait+startTime.Draw(&luck)), k.self, whyStart, k.starts)
}

// started is the end of the process's start, unless something came between.
func (k *Kubelet) started(nth uint64) {
	if nth == k.starts && !k.running && !k.held && k.machine.Powered() {
		k.launch()
	}
}

// PowerOff takes the machine's power: its containers and the kubelet are gone
// at once, or do not come back from a boot under way, and nobody answers.
func (k *Kubelet) PowerOff() {
	k.booting, k.closing = false, closing{}
	if !k.machine.Powered() {
		return
	}
	k.halt()
	k.net.SetPower(k.site, false)
	k.machine.PowerOff()
	k.followContainers()
}

// Panicked implements runtime.Observer: nothing on the machine goes on, and it stays so
// until somebody replaces it.
func (k *Kubelet) Panicked() {
	k.client.Note(k.node, true, "KernelPanic", "More CPU was wanted than there is for too long")
	k.PowerOff()
}

// PowerOn gives it back. The machine boots, silent until it has, and the
// kubelet with it unless it is held.
func (k *Kubelet) PowerOn() {
	k.closing.again = k.closing.on
	if k.machine.Powered() || k.booting {
		return
	}
	k.booting = true
	k.boots++
	luck := k.luck.boot.Draw(k.hash, k.boots)
	k.kernel.Post(k.kernel.Now().Add(bootTime.Draw(&luck)), k.self, whyBoot, k.boots)
}

// boot is the end of booting.
func (k *Kubelet) boot(nth uint64) {
	if !k.booting || nth != k.boots {
		return
	}
	k.booting = false
	k.up()
}

// FirstBoot is the end of booting of a machine that has just been made, and was
// without power until now. Whoever made it says how long that took.
func (k *Kubelet) FirstBoot() {
	k.boots++
	k.isNew = true
	k.up()
}

func (k *Kubelet) up() {
	k.rebooted = true
	k.machine.Boot()
	k.net.SetPower(k.site, true)
	if !k.held {
		k.launch()
	}
}

// launch starts the process, which registers its node. If no container runtime answers it ends
// before it does anything (k8s.io/cri-client/pkg/remote_runtime.go validateServiceConnection).
func (k *Kubelet) launch() {
	if k.machine.RuntimeDown() {
		k.startAfter(restartAfter)
		return
	}
	var cni time.Duration
	if k.rebooted {
		luck := k.luck.boot.Draw(^k.hash, k.boots)
		cni = cniTime.Draw(&luck)
	}
	k.bootUntold = k.bootUntold || k.rebooted && !k.isNew
	k.client.Note(k.node, false, "Starting", "Starting kubelet.")
	k.run(cni)
	k.rebooted, k.isNew = false, false
	k.client.Note(k.node, false, "NodeAllocatableEnforced", "Updated Node Allocatable limit across pods")
	k.registerAfter(firstRegister)
}

// run is a process that begins to work. Pods can have a network after cni.
// What the machine has stays allocated: the kubelet keeps that on disk. Its
// first relist is now, an instant that is this node's own: a start takes a
// drawn time, so that no two nodes ever tick together.
func (k *Kubelet) run(cni time.Duration) {
	now := k.kernel.Now()
	luck := k.luck.phases.Draw(k.hash, 1+uint64(k.epoch))
	k.startedAt, k.networkAt, k.synced = now, now.Add(cni), false
	k.expectDevices()
	k.relist.begin(now)
	k.work.Phase = now.Add(luck.Duration(0, workEvery))
	k.statusPass.Phase = now.Add(luck.Duration(0, statusPassEvery))
	k.housekeeping.Phase = now.Add(luck.Duration(housekeepingEvery, 2*housekeepingEvery))
	k.nodeStatus.Phase = k.networkAt.Add(luck.Duration(fastReady, 2*fastReady))
	if k.nodeStatus.Period == 0 { // it has never run before
		k.nodeStatus.Period = luck.Duration(nodeStatusEvery, nodeStatusMost)
	}
	for _, s := range k.machine.Sandboxes() {
		if s != nil && s.Admitted {
			k.allocate(allocated(s).Request, 1)
		}
	}
	k.begin(0)
	k.findStatics(now)
}

// keepHouse ends what runs on the machine and nobody knows of, once all pods
// of the node were listed (pkg/kubelet/kubelet_pods.go HandlePodCleanups).
func (k *Kubelet) keepHouse() {
	if k.synced || k.health.stalled {
		return
	}
	now := k.kernel.Now()
	if !k.orders.Drained() {
		k.want(&k.housekeeping, whyHousekeeping, now+1)
		return
	}
	k.synced = true
	k.seeNode()
	for _, s := range k.machine.Sandboxes() {
		if s == nil {
			continue
		}
		switch r := k.find(s.Pod.ID); {
		case r == nil:
			r = k.add(s.Pod)
			r.gone, r.charged = true, s.Admitted
			k.release(r) // it counted until now, and would not have
			k.remount(r)
			k.endOrphan(r, now)
		case r.runsRefused():
			k.endOrphan(r, now)
		}
	}
	k.forgetGone()
}

// endOrphan stops what runs of a pod that has no worker.
func (k *Kubelet) endOrphan(r *row, now sim.Time) {
	r.orphan, r.stage, r.over = true, syncing, true
	k.sync(r, now)
}
