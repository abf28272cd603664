package runtime

import (
	"orrery/model"
	"orrery/sim"
)

// ProbePath is how much of the way of a request a probe goes.
type ProbePath uint8

// The paths.
const (
	ByHandler   ProbePath = iota // QueuePath if it is asked by HTTP or gRPC, else OwnPath
	OwnPath                      // a port and a thread of its own: it is answered while the process runs
	QueuePath                    // it waits for a worker and for CPU as requests do, and does nothing besides
	RequestPath                  // it does all that a request does, calls included
)

// ProbeBehavior is how a container answers a probe.
type ProbeBehavior struct {
	Path  ProbePath
	Needs string // a Service that it asks before it answers, "" for none
}

// Risk is how many of a million probes fail for another reason than that the process
// does not run or has not started up.
type Risk struct {
	Late    uint32 // it is not answered within its timeout
	Refused uint32 // it is turned away, or told no, at once
}

// Million is a Risk's whole.
const Million = 1_000_000

// probeFault is what a fault does to probes.
type probeFault struct {
	pod       uint32
	container string // "" is all containers of the pod
	model.ProbeHarm
}

// Probed says what part of a container's probes of a kind fails, in millionths, because of
// the requests that arrive at the pod, or of the Services that it asks. The pod need not have
// come to the machine yet.
func (m *Machine) Probed(pod uint32, container int, kind model.ProbeKind, late, refused uint32) {
	if m.risks == nil {
		m.risks = map[uint32][][model.ProbeKinds]Risk{}
	}
	all := m.risks[pod]
	if more := container + 1 - len(all); more > 0 {
		all = append(all, make([][model.ProbeKinds]Risk, more)...)
		m.risks[pod] = all
	}
	all[container][kind] = Risk{late, refused}
	m.probesChanged(pod)
}

// Untracked says that the machine's kernel drops so many of a million new connections from now
// on, because its conntrack table is full. A probe by HTTP, gRPC or TCP opens one each time
// (pkg/probe/http/http.go: DisableKeepAlives), and it is on the machine from one end to the
// other; a command is none. So does a pull, when it begins.
func (m *Machine) Untracked(ppm uint32) {
	m.untracked = ppm
	for _, s := range m.pods {
		if s != nil {
			m.kubelet.ProbesChanged(s)
		}
	}
}

// Risk is what part of a container's probes of a kind fails.
func (m *Machine) Risk(s *Sandbox, i int, kind model.ProbeKind) (r Risk) {
	p := container(s.Pod.Spec, i).Probe(kind)
	if p != nil && m.daemons.felt > 0 && m.daemons.felt >= p.Waits() {
		return Risk{Late: Million} // it is the kubelet that is late
	}
	if all := m.risks[s.Pod.ID]; i < len(all) {
		r = all[i][kind]
	}
	if m.hangs(s) {
		return Risk{Late: Million}
	}
	name := container(s.Pod.Spec, i).Name
	for j := range m.probeFaults {
		if f := &m.probeFaults[j]; f.harms(s, name, kind) {
			r.Refused -= share(r.Refused, f.Lost)
			r.Late += share(Million-r.Late, f.Lost)
		}
	}
	if p != nil && p.Handler != model.Exec {
		r.Refused -= share(r.Refused, m.untracked)
		r.Late += share(Million-r.Late, m.untracked)
	}
	return r
}

// Delays adds what answers to a container's probes of a kind take to a list.
func (m *Machine) Delays(all []sim.Dist, s *Sandbox, i int, kind model.ProbeKind) []sim.Dist {
	name := container(s.Pod.Spec, i).Name
	for j := range m.probeFaults {
		if f := &m.probeFaults[j]; !f.Slow.IsZero() && f.harms(s, name, kind) {
			all = append(all, f.Slow)
		}
	}
	return all
}

// harms tells whether a fault is about a container's probes of a kind.
func (f *probeFault) harms(s *Sandbox, name string, kind model.ProbeKind) bool {
	return f.pod == s.Pod.ID && f.Kinds[kind] && (f.container == "" || f.container == name)
}

// share is so many millionths of n.
func share(n, ppm uint32) uint32 { return uint32(uint64(n) * uint64(ppm) / Million) }

// HarmProbes does something to probes of a container or, if none is named, of all of
// the pod. The pod may be unknown here.
func (m *Machine) HarmProbes(pod uint32, container string, harm model.ProbeHarm) {
	m.probeFaults = append(m.probeFaults, probeFault{pod, container, harm})
	m.probesChanged(pod)
}

// HealProbes takes back the oldest such HarmProbes.
func (m *Machine) HealProbes(pod uint32, container string, harm model.ProbeHarm) {
	m.probeFaults = less(m.probeFaults, probeFault{pod, container, harm})
	m.probesChanged(pod)
}

func (m *Machine) probesChanged(pod uint32) {
	if s := m.Sandbox(pod); s != nil {
		m.kubelet.ProbesChanged(s)
	}
}
