package report

import (
	"container/heap"

	"orrery/sim"
)

// ripe is a pod that becomes available at an instant, if it stays ready.
type ripe struct {
	at, since sim.Time
	pod       uint32
}

// ripening is a heap of them.
type ripening []ripe

func (h ripening) Len() int { return len(h) }
func (h ripening) Less(i, j int) bool {
	return h[i].at < h[j].at || h[i].at == h[j].at && h[i].pod < h[j].pod
}
func (h ripening) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *ripening) Push(x any)   { *h = append(*h, x.(ripe)) }
func (h *ripening) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}

// ripen lets time pass to the next moment, not after until, at which a pod has
// been ready for its minReadySeconds, and returns false if there is none.
func (s *state) ripen(until sim.Time) (sim.Time, bool) {
	if len(s.ripening) == 0 || s.ripening[0].at > until {
		return 0, false
	}
	x := heap.Pop(&s.ripening).(ripe)
	s.record, s.pod, s.news = nil, nil, s.news[:0]
	if row := s.pods.Row(x.pod); row.pod != nil && row.pod.IsReady() && row.pod.Ready.SinceAt == x.since {
		s.mark(row, podMarks(row.pod)|1<<isAvailable)
	}
	return x.at, true
}
