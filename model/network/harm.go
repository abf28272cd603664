package network

import "time"

// Harm is what an impairment does to single messages on a way on the average: what Delay
// draws of it, as a rate. Times are in microseconds.
type Harm struct {
	Mean, Variance int64             // of what it adds to those that arrive
	LostPPM        int64             // of a million do not arrive
	Resent         [losses + 1]int64 // of a million that do, how many are sent again so often
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
		h := Harm{LostPPM: int64(r.LossPPM)}
		h.Mean, h.Variance = r.Delay.Moments()
		h.Resent[0] = million
		if !udp && h.LostPPM > 0 {
			h.resend()
		}
		all = append(all, h)
	}
	return all
}

const million = 1_000_000

// resend is losses as TCP has them: they cost time, and only many in a row the message.
func (h *Harm) resend() {
	lost, arrived := int64(million), int64(0)
	for n := range h.Resent {
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
func Waited(again int) time.Duration { return retransmission * (1<<again - 1) }
