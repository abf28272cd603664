package network

import "time"

// Harm is what impairments do to single messages on a way on the average: what Delay draws
// of them, as a rate. Times are in microseconds.
type Harm struct {
	Mean, Variance int64 // that is added to those that arrive
	LostPPM        int64 // of a million do not arrive
}

// Harm is what is wrong with a way that reaches. A message of TCP that is lost is sent
// again, as in Delay; one of UDP is not.
func (n *Network) Harm(from, to Site, udp bool) Harm {
	var h Harm
	if n.active == 0 {
		return h
	}
	for i := range n.rules {
		r := &n.rules[i]
		if !n.concerns(r, from, to) {
			continue
		}
		mean, variance := r.Delay.Moments()
		more := Harm{mean, variance, int64(r.LossPPM)}
		if !udp {
			more = more.resent()
		}
		h = h.And(more)
	}
	return h
}

// And is one harm after another.
func (h Harm) And(more Harm) Harm {
	arrive := (million - h.LostPPM) * (million - more.LostPPM) / million
	return Harm{h.Mean + more.Mean, h.Variance + more.Variance, million - arrive}
}

const million = 1_000_000

// resent is losses as TCP has them: they cost time, and only many in a row the message.
func (h Harm) resent() Harm {
	var mean, squares, of int64 // weighted by how many of a million are lost so often
	lost, wait, waited := int64(million), retransmission, time.Duration(0)
	for range losses + 1 {
		again := lost * h.LostPPM / million
		us := waited.Microseconds()
		of += lost - again
		mean += (lost - again) * us / million
		squares += (lost - again) * (us / 1000 * us) / 1000
		lost = again
		waited += wait
		wait *= 2
	}
	if of == 0 {
		return Harm{h.Mean, h.Variance, million}
	}
	mean, squares = mean*million/of, squares/of*million
	return Harm{h.Mean + mean, h.Variance + max(0, squares-mean*mean), lost}
}
