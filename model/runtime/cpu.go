package runtime

import (
	"cmp"
	"slices"
	"time"

	"orrery/model"
)

// A machine's CPU is shared as the kernel shares it among cgroups: by weight,
// never beyond what somebody wants, nothing left idle that somebody wants
// (work-conserving hierarchical fair sharing, as CFS and EEVDF do it over more than
// 100 ms). Requests are weights, no reservations; limits are quotas. While all
// containers together want no more than there is, everybody has what they want, and
// nothing is computed.

// The weights of cgroups v2 as a kubelet sets them, from milli-CPU
// (pkg/kubelet/cm/helpers_linux.go MilliCPUToShares, cgroup_manager_linux.go
// getCPUWeight). Container runtimes that use another formula for the containers of
// one pod share only that pod's part otherwise.
const (
	leastShares = 2
	mostShares  = 262_144
	// bestEffortWeight is that of all BestEffort pods together, and of each among
	// them.
	bestEffortWeight = 1
	systemWeight     = 100
)

func weight(milli int64) int64 {
	shares := min(max(milli*1024/1000, leastShares), mostShares)
	return 1 + (shares-leastShares)*9999/(mostShares-leastShares)
}

// group is a cgroup while CPU is shared out: a tier, a pod or a container.
type group struct {
	wants, weight, gets int64 // milli-CPU
	of                  int32 // what it stands for
}

// fill shares milli out among groups: each gets what it wants, or if there is not
// enough in proportion to its weight; what somebody does not want goes to the others.
// Thousandths that cannot be divided go to the first of those who want more.
func fill(groups []group, milli int64) {
	byNeed(groups)
	var weights int64
	for i := range groups {
		weights += groups[i].weight
	}
	for i := range groups {
		g := &groups[i]
		g.gets = min(g.wants, milli*g.weight/weights)
		milli -= g.gets
		weights -= g.weight
	}
	for i := range groups {
		more := min(milli, groups[i].wants-groups[i].gets)
		groups[i].gets += more
		milli -= more
	}
}

// byNeed sorts groups by what they want for their weight.
func byNeed(groups []group) {
	slices.SortFunc(groups, func(a, b group) int {
		return cmp.Or(cmp.Compare(a.wants*b.weight, b.wants*a.weight), cmp.Compare(a.of, b.of))
	})
}

// use has a process want what it uses at rest and under a load.
func (m *Machine) use(s *Sandbox, p *Process, milliRPS int64) { m.want(s, p, p.wantsFor(milliRPS)) }

func (p *Process) wantsFor(milliRPS int64) int64 {
	wants := p.rest + p.burstCPU + scale(p.perRPS, milliRPS, 1_000_000)
	wants = max(wants, p.starting)
	if p.limit > 0 {
		wants = min(wants, p.limit)
	}
	return wants
}

// want changes what a process wants, and with it perhaps what everybody gets.
func (m *Machine) want(s *Sandbox, p *Process, wants int64) {
	m.distrust(s)
	if p.pinned { // which is nobody else's business
		if p.wants = wants; !p.Running {
			wants = 0
		}
		m.give(s, p, wants)
		return
	}
	m.wanted -= s.wants()
	p.wants = wants
	m.wanted += s.wants()
	switch {
	case m.scarce():
		m.crowd()
		m.shareOut()
	case m.crowded:
		m.relax()
	case s.Pod.Spec.PodCPULimit() > 0:
		m.satisfy(s)
	default:
		m.give(s, p, wants)
	}
	if !p.Running {
		m.give(s, p, 0)
	}
	if p.throttle != nil {
		m.reconsider(s, s.index(p))
	}
	m.reroom()
}

// Burn has others than containers, processes of the system, want CPU, until Cool.
func (m *Machine) Burn(milli int64) {
	if m.on {
		m.burnt += milli
		m.wantBesides(milli)
	}
}

// Cool takes that back, as far as they still want it.
func (m *Machine) Cool(milli int64) {
	milli = min(milli, m.burnt)
	m.burnt -= milli
	m.wantBesides(-milli)
}

// wantBesides changes what others than containers want.
func (m *Machine) wantBesides(milli int64) {
	m.wanted += milli
	m.reckonWhole()
	switch {
	case m.scarce():
		m.crowd()
		m.shareOut()
	case m.crowded:
		m.relax()
	default:
		m.serveAgents()
	}
	m.reroom()
}

// scarce tells whether more is wanted than there is. If that or less may make others wait,
// because of what pods may want unseen, all are looked at.
func (m *Machine) scarce() bool {
	if m.cores > 0 && m.wanted+m.granted > m.rooms.quiet && m.trusted > 0 {
		m.distrustAll()
	}
	return m.cores > 0 && m.wanted > m.shared()
}

// relax gives everybody what they want.
func (m *Machine) relax() {
	m.crowded = false
	m.reckonWhole()
	m.serveAgents()
	for _, s := range m.pods {
		if s != nil {
			m.satisfy(s)
		}
	}
}

// satisfy gives the containers of a pod what they want, as far as a quota of the pod
// allows.
func (m *Machine) satisfy(s *Sandbox) {
	if s.Pod.Spec.PodCPULimit() > 0 {
		m.sharePod(s, s.wants())
		return
	}
	for i := range s.Processes {
		if p := &s.Processes[i]; p.Running {
			m.give(s, p, p.wants)
		}
	}
}

// forPods is what all pods together get: kubepods, whose weight is that of the machine
// less what is reserved, stands beside system.slice, whose weight is 100 whatever the
// machine (systemd's default; pkg/kubelet/cm/node_container_manager_linux.go
// getCgroupConfig).
//
// In it the daemons stand beside what else the system runs.
func (m *Machine) forPods() (gets int64) {
	root := m.slices()
	fill(root[:], m.shared())
	for i := range root {
		if root[i].of == podsSlice {
			gets = root[i].gets
			continue
		}
		slice := [...]group{{wants: m.burnt, weight: systemWeight, of: otherProcesses}, {wants: m.daemons.wants + m.unpackWants, weight: daemonsWeight, of: agents}}
		fill(slice[:], root[i].gets)
		for _, g := range slice {
			if g.of == agents {
				m.shareAgents(g.gets)
			} else {
				m.burns = g.gets
			}
		}
	}
	return gets
}

// The children of the root, those of system.slice, and those of the agents, which are the kubelet
// and the container runtime.
const (
	systemSlice int32 = iota
	podsSlice
	otherProcesses
	agents
	daemonsWork
	unpacking
)

// slices is both, with all that pods want.
func (m *Machine) slices() [2]group {
	root := [...]group{{wants: m.burnt + m.daemons.wants + m.unpackWants, weight: systemWeight, of: systemSlice}, {weight: weight(m.cores - m.reservedCPU), of: podsSlice}}
	for i := range m.top {
		root[1].wants += m.top[i].wants
	}
	return root
}

// tiers are the children of kubepods that are no pods.
const (
	burstableTier  int32 = -1
	bestEffortTier int32 = -2
)

// shareOut shares the machine's CPU out among kubepods' children, theirs, and the
// containers of pods.
func (m *Machine) shareOut() {
	m.reckonWhole()
	m.group()
	fill(m.top, m.forPods())
	for i := range m.top {
		switch g := &m.top[i]; g.of {
		case burstableTier:
			fill(m.burstable, g.gets)
			m.sharePods(m.burstable)
		case bestEffortTier:
			fill(m.best, g.gets)
			m.sharePods(m.best)
		default:
			m.sharePod(m.pods[g.of], g.gets)
		}
	}
}

// group finds kubepods' children and theirs
// (pkg/kubelet/cm/qos_container_manager_linux.go): Guaranteed pods
// beside the tiers of Burstable and BestEffort ones. In the weight of the former count the
// requests of all its pods that are not over, whether anything of them runs or not
// (setCPUCgroupConfig). Deviation: that weight changes at once here. A kubelet computes it when
// it makes a pod's cgroup, when it has killed a pod and every minute, and from the requests
// that pods want, not from those that are allocated to them.
func (m *Machine) group() {
	top, burstable, best := m.top[:0], m.burstable[:0], m.best[:0]
	var tier, poor group
	var asked int64
	for i, s := range m.pods {
		if s == nil {
			continue
		}
		if !s.Over && s.Pod.Spec.QoS() == model.Burstable {
			asked += s.Pod.Spec.Request.CPUMilli
		}
		g := group{wants: s.wants(), weight: weight(s.Pod.Spec.Request.CPUMilli), of: int32(i)}
		if g.wants == 0 && !s.Alive() {
			continue
		}
		switch s.Pod.Spec.QoS() {
		case model.Guaranteed:
			top = append(top, g)
		case model.Burstable:
			burstable = append(burstable, g)
			tier.wants += g.wants
		default:
			g.weight = bestEffortWeight
			best = append(best, g)
			poor.wants += g.wants
		}
	}
	tier.weight, tier.of = weight(asked), burstableTier
	poor.weight, poor.of = bestEffortWeight, bestEffortTier
	m.top, m.burstable, m.best = append(top, tier, poor), burstable, best
}

func (m *Machine) sharePods(pods []group) {
	for i := range pods {
		m.sharePod(m.pods[pods[i].of], pods[i].gets)
	}
}

// wants is what a pod's containers want together, as far as a quota of the pod allows.
func (s *Sandbox) wants() int64 {
	var sum int64
	for i := range s.Processes {
		if !s.Processes[i].pinned {
			sum += s.Processes[i].wants
		}
	}
	if quota := s.Pod.Spec.PodCPULimit(); quota > 0 {
		sum = min(sum, quota)
	}
	return sum
}

// sharePod shares a pod's part out among its containers.
func (m *Machine) sharePod(s *Sandbox, milli int64) {
	list := m.inPod[:0]
	for i := range s.Processes {
		if p := &s.Processes[i]; p.Running && !p.pinned {
			list = append(list, group{wants: p.wants, weight: containerWeight(s.Pod.Spec, container(s.Pod.Spec, i)), of: int32(i)})
		}
	}
	m.inPod = list
	fill(list, milli)
	for i := range list {
		m.give(s, &s.Processes[list[i].of], list[i].gets)
	}
}

// containerWeight is the weight of a container in its pod. One that asks for nothing asks
// for its limit, which may be the pod's
// (pkg/kubelet/kuberuntime/kuberuntime_container_linux.go calculateLinuxResources).
func containerWeight(spec *model.PodSpec, c *model.Container) int64 {
	if l := spec.PodLevel; l != nil && c.Requests.CPUMilli == 0 && !c.AsksForNoCPU {
		return weight(l.Limits.CPUMilli)
	}
	return weight(c.Requests.CPUMilli)
}

// give changes what a process gets. A start-up that needs CPU goes on at another
// speed, and the pod serves another rate.
func (m *Machine) give(s *Sandbox, p *Process, milli int64) {
	now, was := m.kernel.Now(), p.meter.cpu
	if pace := min(milli, p.starting); pace != p.pace && p.Running && p.ServesAt > now {
		p.ServesAt = now.Add(stretch(p.ServesAt.Sub(now), p.pace, pace))
		p.pace = pace
		m.postStarted(s, p)
		m.kubelet.StartupChanged(s)
	}
	if milli == was {
		return
	}
	if m.keen {
		m.meter.use(now, milli-was)
	}
	p.meter.use(now, milli-was)
	m.usesOther(s)
	if p.throttle != nil {
		m.reconsider(s, s.index(p))
	}
	if p.perRPS > 0 && m.serving != nil && (m.crowded || !m.roomy) {
		m.serving.CapacityChanged(s.Pod.Ref())
	}
}

// postStarted looks again when a container that needs CPU to start up has.
func (m *Machine) postStarted(s *Sandbox, p *Process) {
	m.kernel.Post(p.ServesAt, m.self, whyUp, uint64(s.Pod.ID))
}

// calm has the containers of a pod that have started up use what they do after.
func (m *Machine) calm(s *Sandbox) {
	now := m.kernel.Now()
	for i := range s.Processes {
		if p := &s.Processes[i]; p.Running && p.starting > 0 && p.ServesAt <= now {
			p.starting = 0
			_, load := s.load()
			m.use(s, p, load)
		}
	}
}

// stretch is how long what takes d at a speed takes at another one. Nothing stands
// still: the kernel gives everybody a little.
func stretch(d time.Duration, was, is int64) time.Duration {
	return time.Duration(scale(int64(d), max(was, 1), max(is, 1)))
}
