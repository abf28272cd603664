package runtime

import (
	"orrery/model"
	"orrery/sim"
)

// A container has a memory limit of its own, or its pod's if it has none, and a pod may
// have one for all its containers together (the cgroups' memory.max). Who reaches its own
// is killed; when a pod reaches its, the kernel kills the worst of its containers, as it
// does when a machine is full.

// limitMemory computes when the kernel will kill a container that runs for the memory
// that it or its pod uses, as things are.
func (m *Machine) limitMemory(s *Sandbox, i int) {
	p, now := &s.Processes[i], m.kernel.Now()
	p.limitAt = p.reaches(now, p.mayHave(s.Pod.Spec.MemoryLimit(container(s.Pod.Spec, i))))
	m.postDue(s, i)
	m.limitPod(s)
}

// limitPod does so for the pod's limit.
func (m *Machine) limitPod(s *Sandbox) {
	limit := s.Pod.Spec.PodMemoryLimit()
	if limit == 0 || len(s.Processes) == 1 {
		return
	}
	now := m.kernel.Now()
	for i := range s.Processes {
		if p := &s.Processes[i]; p.Running {
			p.limitAt = p.reaches(now, s.Pod.Spec.MemoryLimit(container(s.Pod.Spec, i)))
		}
	}
	at := s.reaches(now, limit)
	if at == sim.Never {
		return
	}
	victim, worst := -1, int64(0)
	for i := range s.Processes {
		p := &s.Processes[i]
		if !p.Running {
			continue
		}
		if bad := m.badness(s, i, at, limit); victim < 0 || bad >= worst { // the last of equals (mm/oom_kill.c oom_evaluate_task)
			victim, worst = i, bad
		}
	}
	p := &s.Processes[victim]
	p.limitAt = min(p.limitAt, at)
	m.postDue(s, victim)
}

// reaches is when what runs of a pod has a limit's bytes; Never if it does not come to that.
func (s *Sandbox) reaches(now sim.Time, limit int64) sim.Time {
	var used, growth int64
	until := sim.Never
	for i := range s.Processes {
		if p := &s.Processes[i]; p.Running {
			bytes, more, bend := p.line(now)
			used, growth, until = used+bytes, growth+more, min(until, bend)
		}
	}
	if at := meets(now, used, growth, limit); at <= until {
		return at
	}
	return s.reaches(until, limit)
}

// badness is what the kernel goes by (mm/oom_kill.c oom_badness), when there are so many
// bytes altogether. A container's oom_score_adj is set when it is made, and runtimes do not
// change it with its other resources (runc update).
func (m *Machine) badness(s *Sandbox, i int, at sim.Time, bytes int64) int64 {
	return s.Processes[i].used(at) + int64(s.Processes[i].adjust)*(bytes/1000)
}

// memoryFor is how much a container can have, as its limit and that of its pod are and
// what the others of it use; 0 is without end.
func (s *Sandbox) memoryFor(i int, now sim.Time) int64 {
	limit, pod := s.Pod.Spec.MemoryLimit(container(s.Pod.Spec, i)), s.Pod.Spec.PodMemoryLimit()
	if pod == 0 {
		return s.Processes[i].mayHave(limit)
	}
	others := s.MemoryUsed(now) - s.Processes[i].MemoryUsed(now)
	return max(min(limit, pod-others), 1)
}

// nodeCritical is the priority of the class system-node-critical
// (pkg/apis/scheduling/types.go).
const nodeCritical = 2_000_001_000

// scoreAdjust is the oom_score_adj of a container: of the node's critical pods, to
// which the control plane's own belong, as of guaranteed ones, else by the quality
// of service (pkg/kubelet/qos/policy.go GetContainerOOMScoreAdjust). What a pod asks for
// beyond its containers is divided among them, and a sidecar counts at least as that app
// container which asks for least. Among equals the kernel takes the one that uses most.
func scoreAdjust(spec *model.PodSpec, i int, capacity int64) int64 {
	if spec.Priority == nodeCritical {
		return -997
	}
	switch spec.QoS() {
	case model.BestEffort:
		return 1000
	case model.Guaranteed:
		return -997
	}
	c := container(spec, i)
	request := c.Requests.MemoryBytes
	if c.Sidecar {
		least := spec.Containers[0].Requests.MemoryBytes
		for j := range spec.Containers {
			least = min(least, spec.Containers[j].Requests.MemoryBytes)
		}
		request = max(request, least)
	}
	if l := spec.PodLevel; l != nil && l.MemoryBytes > 0 {
		request += (l.MemoryBytes - spec.ContainersRequest().MemoryBytes) / int64(len(spec.InitContainers)+len(spec.Containers))
	}
	return min(max(1000-scale(1000, max(request, 0), capacity), 3), 999)
}
