package controller

import "orrery/sim"

// wait is an object that is due at a time.
type wait struct {
	at sim.Time
	id uint32
}

func (w wait) before(o wait) bool { return w.at < o.at || w.at == o.at && w.id < o.id }

// waits is a heap with the earliest wait in front.
type waits []wait

// push adds x and tells whether it is the earliest now.
func (h *waits) push(x wait) bool {
	l := append(*h, x)
	i := len(l) - 1
	for i > 0 && l[i].before(l[(i-1)/2]) {
		l[i], l[(i-1)/2] = l[(i-1)/2], l[i]
		i = (i - 1) / 2
	}
	*h = l
	return i == 0
}

// due tells whether the earliest wait is over.
func (h waits) due(now sim.Time) bool { return len(h) > 0 && h[0].at <= now }

// pop removes the earliest wait.
func (h *waits) pop() uint32 {
	l := *h
	id := l[0].id
	last := len(l) - 1
	l[0] = l[last]
	l = l[:last]
	for i := 0; ; {
		least := i
		for _, child := range [2]int{2*i + 1, 2*i + 2} {
			if child < last && l[child].before(l[least]) {
				least = child
			}
		}
		if least == i {
			break
		}
		l[i], l[least] = l[least], l[i]
		i = least
	}
	*h = l
	return id
}
