package kubelet

import (
	"cmp"
	"fmt"
	"slices"

	"orrery/model"
)

// The CPU manager with the policy static (pkg/kubelet/cm/cpumanager): containers of
// Guaranteed pods that ask for whole CPUs have them for themselves, from admission until
// the pod has ended, and without a quota; all others share the rest. CPUs that are reserved,
// rounded up, are never given away. The others leave them at once, not within the 10 s of
// the reconcile loop, and so do processes of the system, which in fact may run there, too.
// What a pod has got is kept over a restart of the kubelet, on the machine's disk.

// exclusively gives a pod what it wants for itself, or tells why it cannot have it, ""
// if it can. It is asked before it is looked whether the node has as much free as the pod
// asks for.
func (k *Kubelet) exclusively(pod *model.Pod) (reason, message string) {
	if k.layout == nil {
		return "", ""
	}
	k.forgetGone()
	reason, message = k.layout.settle(pod.ID, pod.Spec)
	k.pin()
	return reason, message
}

// forgetGone takes back what pods have that are not here any more, as soon as that is known.
func (k *Kubelet) forgetGone() {
	if k.layout != nil && k.synced {
		k.layout.forget(k.isHere)
		k.pin()
	}
}

// isHere tells whether the kubelet knows a pod that has not ended and was not rejected.
func (k *Kubelet) isHere(pod uint32) bool {
	r := k.find(pod)
	return r != nil && r.stage < terminated && !r.gone
}

// share takes back what a pod has for itself. A process that has not yet listed all pods takes
// nothing back (removeStaleState).
func (k *Kubelet) share(pod uint32) {
	if k.layout != nil && k.synced && k.layout.holds(pod) {
		k.layout.release(pod)
		k.pin()
	}
}

// pin tells the machine how many CPUs are exclusive.
func (k *Kubelet) pin() {
	l := k.layout
	if n := l.cpus.held(); n != l.pinned {
		k.machine.Pin(n - l.pinned)
		l.pinned = n
	}
}

// reserveCPUs sets CPUs aside: those that would be given away first (NewStaticPolicy).
func (l *layout) reserveCPUs(n int) {
	l.spare = make([]bool, len(l.cpus.holder))
	all := l.cpus.available(l.spare, nil)
	for _, c := range l.take(all, min(n, len(all))) {
		l.spare[c] = true
	}
}

// giveCPUs gives a container its CPUs, from the nodes of the hint as far as they go
// (policy_static.go Allocate, allocateCPUs).
func (f *fitting) giveCPUs(i int, near nodeSet) (reason, message string) {
	want := int(f.spec.ExclusiveCPUs(containerOf(f.spec, i)))
	if want == 0 || !f.StaticCPUs {
		return "", ""
	}
	if reason, message = f.breaksCores(want); reason != "" {
		return reason, message
	}
	p := &f.layout.cpus
	available := p.available(f.cpus, f.spare)
	var got []int
	if near > 0 {
		aligned := p.on(near, available)
		got = f.take(aligned, min(want, howMany(aligned)))
		for _, c := range got {
			available[c] = false
		}
	}
	if rest, left := want-len(got), howMany(available); rest > left {
		return unexpected, fmt.Sprintf("Allocate failed due to not enough cpus available to satisfy request: requested=%d, available=%d, which is unexpected", rest, left)
	}
	got = append(got, f.take(available, want-len(got))...)
	p.hold(f.pod, got, f.cpus, plainInit(f.spec, i))
	return "", ""
}

// breaksCores tells why a container cannot have so many CPUs as whole cores, "" if it can, or need
// not.
func (f *fitting) breaksCores(want int) (reason, message string) {
	if want == 0 || !f.StaticCPUs || !f.FullCores {
		return "", ""
	}
	if message = f.misaligned(want); message != "" {
		return "SMTAlignmentError", "SMT Alignment Error: " + message
	}
	return "", ""
}

// keeps tells why a pod cannot keep what it has when a new process of the kubelet admits it again,
// "" if it can: it is looked whether there are whole cores before it is looked whether a container has
// its own already, so there have to be as many more (policy_static.go Allocate,
// kubernetes/kubernetes#129078).
func (f *fitting) keeps() (reason, message string) {
	for i := range len(f.spec.InitContainers) + len(f.spec.Containers) {
		if reason, message = f.breaksCores(int(f.spec.ExclusiveCPUs(containerOf(f.spec, i)))); reason != "" {
			return reason, message
		}
	}
	return "", ""
}

// misaligned tells why so many CPUs are no whole cores, "" if they are.
func (l *layout) misaligned(want int) string {
	per := l.ThreadsPerCore
	if want%per != 0 {
		return fmt.Sprintf("requested %d cpus not multiple cpus per core = %d", want, per)
	}
	free := 0
	for c, pod := range l.cpus.holder {
		if core := c / per * per; pod == 0 && !slices.Contains(l.spare[core:core+per], true) {
			free++
		}
	}
	if want > free {
		return fmt.Sprintf("not enough free physical CPUs: available physical CPUs = %d, requested CPUs = %d, CPUs per core = %d", free, want, per)
	}
	return ""
}

// take chooses n of CPUs that are available (cpu_assignment.go takeByTopologyNUMAPacked):
// whole NUMA nodes, whole cores, and what is left of those of which least is left; always
// where least is left first.
func (l *layout) take(available []bool, n int) (got []int) {
	claim := func(from, to int) {
		for c := from; c < to && n > 0; c++ {
			if available[c] {
				available[c] = false
				got = append(got, c)
				n--
			}
		}
	}
	each, per := len(available)/l.NUMANodes, l.ThreadsPerCore
	for _, node := range l.fullest(available) {
		if from := node * each; howMany(available[from:from+each]) == each && n >= each {
			claim(from, from+each)
		}
	}
	for _, node := range l.fullest(available) {
		for c := node * each; c < (node+1)*each && n >= per; c += per {
			if howMany(available[c:c+per]) == per {
				claim(c, c+per)
			}
		}
	}
	for _, node := range l.fullest(available) {
		for left := 1; left <= per; left++ {
			for c := node * each; c < (node+1)*each && n > 0; c += per {
				if howMany(available[c:c+per]) == left {
					claim(c, c+per)
				}
			}
		}
	}
	return got
}

// fullest is the NUMA nodes, those first with the fewest CPUs available.
func (l *layout) fullest(available []bool) []int {
	each := len(available) / l.NUMANodes
	nodes := make([]int, l.NUMANodes)
	for n := range nodes {
		nodes[n] = n
	}
	left := func(n int) int { return howMany(available[n*each : (n+1)*each]) }
	slices.SortStableFunc(nodes, func(a, b int) int { return cmp.Compare(left(a), left(b)) })
	return nodes
}
