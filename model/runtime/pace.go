package runtime

import (
	"slices"
	"time"

	"orrery/model"
)

// Pace is how much slower than their behaviors say containers start up, on all machines.
type Pace struct {
	slow []*slowed
	late []*func(*model.Pod) time.Duration
}

// slowed is what makes some pods slow.
type slowed struct {
	of   func(*model.Pod) bool
	rate int64 // the share of their speed that is left, in millionths
}

// Slow has containers of some pods that start from now on start up at a share of their
// speed, in millionths, until end.
func (p *Pace) Slow(of func(*model.Pod) bool, rate int64) (end func()) {
	s := &slowed{of, rate}
	p.slow = append(p.slow, s)
	return func() { p.slow = slices.DeleteFunc(p.slow, func(x *slowed) bool { return x == s }) }
}

// Delay has start-ups from now on take longer by as much as by says of a pod, until end.
func (p *Pace) Delay(by func(*model.Pod) time.Duration) (end func()) {
	f := &by
	p.late = append(p.late, f)
	return func() {
		p.late = slices.DeleteFunc(p.late, func(x *func(*model.Pod) time.Duration) bool { return x == f })
	}
}

// StartUp is how long a container of a pod takes that starts now. Of several things that
// make it slow each does, and delays add up.
func (p *Pace) StartUp(pod *model.Pod, takes time.Duration) time.Duration {
	if p == nil {
		return takes
	}
	for _, s := range p.slow {
		if s.of(pod) {
			takes = time.Duration(scale(int64(takes), Million, s.rate))
		}
	}
	for _, by := range p.late {
		takes += (*by)(pod)
	}
	return takes
}
