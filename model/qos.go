package model

// QoS is a pod's quality of service: who goes first when a machine is short.
type QoS uint8

// The classes (pkg/apis/core/v1/helper/qos/qos.go).
const (
	BestEffort QoS = iota // nothing is asked for
	Burstable
	Guaranteed // every container's limits of CPU and memory are what it asks for
)

// String is the class as Kubernetes writes it.
func (q QoS) String() string { return [...]string{"BestEffort", "Burstable", "Guaranteed"}[q] }

// QoS is the class of pods of this spec, by CPU and memory of all containers, or of the
// pod as a whole if it says anything of that.
func (s *PodSpec) QoS() QoS {
	if l := s.PodLevel; l != nil {
		return l.qos()
	}
	best, guaranteed := true, true
	for _, list := range [...][]Container{s.InitContainers, s.Containers} {
		for i := range list {
			q, l := &list[i].Requests, &list[i].Limits
			if q.CPUMilli > 0 || q.MemoryBytes > 0 || l.CPUMilli > 0 || l.MemoryBytes > 0 {
				best = false
			}
			if l.CPUMilli == 0 || l.MemoryBytes == 0 || q.CPUMilli != l.CPUMilli || q.MemoryBytes != l.MemoryBytes {
				guaranteed = false
			}
		}
	}
	switch {
	case best:
		return BestEffort
	case guaranteed:
		return Guaranteed
	}
	return Burstable
}

// qos is the class of pods that say this of themselves (ComputePodQOS).
func (l *PodLevel) qos() QoS {
	requests, limits := Resources{CPUMilli: l.CPUMilli, MemoryBytes: l.MemoryBytes}, &l.Limits
	switch {
	case requests.IsZero() && limits.IsZero():
		return BestEffort
	case limits.CPUMilli > 0 && limits.MemoryBytes > 0 && limits.CPUMilli == requests.CPUMilli && limits.MemoryBytes == requests.MemoryBytes:
		return Guaranteed
	}
	return Burstable
}

// SystemCritical is the least priority of a pod that is never evicted by its
// kubelet (pkg/apis/scheduling/types.go SystemCriticalPriority).
const SystemCritical int32 = 2_000_000_000

// Critical tells whether pods of this spec are (pkg/kubelet/types/pod_update.go
// IsCriticalPod).
func (s *PodSpec) Critical() bool { return s.Priority >= SystemCritical }
