package network

import (
	"time"

	"orrery/model"
)

// Harm is what an impairment does to single messages on a way on the average: what Delay
// draws of it, as a rate. Times are in microseconds.
type Harm struct {
	Mean, Variance int64                      // of what it adds to those that arrive
	LostPPM        int64                      // of a million do not arrive
	Resent         [len(model.SYNs) + 1]int64 // of a million that do, how many are sent again so often
	again          []time.Duration            // after how long, each time
}

// Harms appends what is wrong with a way that reaches, one after the other. A message of TCP
// that is lost is sent again, as in Delay; one of UDP is not.
func (n *Network) Harms(all []Harm, from, to Site, udp bool) []Harm {
	if n.active == 0 {
		return all
	}
	for i := range n.rules {
		r := &n.rules[i]
		if !n.concerns(r, from, to) {
			continue
		}
		h := Harm{LostPPM: int64(r.LossPPM), Mean: r.mean, Variance: r.variance, again: resends[:]}
		h.Resent[0] = million
		if !udp && h.LostPPM > 0 {
			h.resend(0)
		}
		all = append(all, h)
	}
	return all
}

// Opening appends what the opening of a TCP connection meets: a SYN and its answer, of which
// it is all one which is lost; the ACK goes with the first message (RFC 9293, 3.5). Whoever
// waits for patience, if that is not 0, is gone before what opens later than that.
func (n *Network) Opening(all []Harm, from, to Site, patience time.Duration) []Harm {
	if n.active == 0 {
		return all
	}
	h := Harm{again: model.SYNs[:]}
	arrive := int64(million)
	for i := range n.rules {
		r := &n.rules[i]
		for _, suffers := range [...]bool{n.concerns(r, from, to), n.concerns(r, to, from)} {
			if suffers {
				h.Mean, h.Variance = h.Mean+r.mean, h.Variance+r.variance
				arrive = arrive * (million - int64(r.LossPPM)) / million
			}
		}
	}
	h.LostPPM, h.Resent[0] = million-arrive, million
	if h.LostPPM > 0 {
		h.resend(patience)
	} else if h.Mean == 0 {
		return all
	}
	return append(all, h)
}

const million = 1_000_000

// resend is losses as TCP has them: they cost time, and only many in a row the message, or
// as many as take somebody's patience, if that is not 0.
func (h *Harm) resend(patience time.Duration) {
	lost, arrived := int64(million), int64(0)
	h.Resent[0] = 0
	for n := range len(h.again) + 1 {
		if patience > 0 && h.Waited(n) >= patience {
			break
		}
		again := lost * h.LostPPM / million
		h.Resent[n] = lost - again
		arrived += lost - again
		lost = again
	}
	for n := range h.Resent {
		h.Resent[n] = h.Resent[n] * million / max(arrived, 1)
	}
	h.LostPPM = lost
}

// Waited is how long a message that is sent again so often has waited.
func (h *Harm) Waited(again int) time.Duration {
	if again == 0 {
		return 0
	}
	return h.again[min(again, len(h.again))-1] // nothing is sent again more often
}

// Troubles appends the impairments that now concern a way that reaches.
func (n *Network) Troubles(all []Handle, from, to Site) []Handle {
	if n.active == 0 {
		return all
	}
	for i := range n.rules {
		if n.concerns(&n.rules[i], from, to) {
			all = append(all, Handle(i))
		}
	}
	return all
}

// Late is how much later the nth message of sender is because of impairments, in force or
// not, and whether it arrives.
func (n *Network) Late(because []Handle, sender, nth uint64) (d time.Duration, arrives bool) {
	if len(because) == 0 {
		return 0, true
	}
	luck := n.delays.Draw(sender, nth)
	luck.Uint64() // the way itself, as in Delay
	for _, h := range because {
		more, arrives := n.suffers(h, &luck, sender, nth)
		if !arrives {
			return 0, false
		}
		d += more
	}
	return d, true
}

// RoundTrip is how much longer a message and its answer take at least than they would if
// nothing were wrong.
func (n *Network) RoundTrip(a, b Site) (d time.Duration) {
	if n.active == 0 {
		return 0
	}
	for i := range n.rules {
		r := &n.rules[i]
		if r.Delay.IsZero() {
			continue
		}
		for _, there := range [...]bool{n.concerns(r, a, b), n.concerns(r, b, a)} {
			if there {
				d += r.Delay.Min()
			}
		}
	}
	return d
}
