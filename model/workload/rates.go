package workload

import (
	"bytes"
	"math/bits"
	"strconv"

	"orrery/model"
)

// portion is how much of the first part of a total is served if capacity of
// the total is: part*capacity/total, rounded down, or all of it if there is
// enough. The portions of a total cut into pieces add up to its capacity.
func portion(part, capacity, total int64) int64 {
	if total <= capacity {
		return part
	}
	hi, lo := bits.Mul64(uint64(part), uint64(capacity))
	q, _ := bits.Div64(hi, lo, uint64(total))
	return int64(q)
}

// message is the rates for people: "800 rps from ingress: 533.333 served,
// 266.667 timed out".
func message(t *model.Traffic) string {
	var room [256]byte
	text := appendRate(room[:0], t.OfferedMilliRPS)
	text = append(append(append(text, " rps from "...), t.From...), ": "...)
	text = append(appendRate(text, t.ServedMilliRPS), " served"...)
	for _, lost := range [...]struct {
		milli int64
		what  string
	}{{t.NoEndpointMilliRPS, " without an endpoint"}, {t.RefusedMilliRPS, " refused"}, {t.TimedOutMilliRPS, " timed out"}, {t.OverloadMilliRPS, " overloaded"}, {t.FailedMilliRPS, " failed by what they call"}, {t.UnresolvedMilliRPS, " found no address"}} {
		if lost.milli > 0 {
			text = append(appendRate(append(text, ", "...), lost.milli), lost.what...)
		}
	}
	for _, why := range [...]struct {
		milli int64
		what  string
	}{{t.UntrackedMilliRPS, " of them dropped by a full conntrack table"}, {t.CongestedMilliRPS, " of them for want of bandwidth"}} {
		if why.milli > 0 {
			text = append(appendRate(append(text, ", "...), why.milli), why.what...)
		}
	}
	if n := t.Lost.All(); n > 0 {
		text = append(appendRate(append(text, ", "...), n), " lost that were under way"...)
	}
	if t.P99 > 0 {
		text = append(append(text, ", half within "...), t.P50.String()...)
		text = append(append(text, ", 99 % within "...), t.P99.String()...)
	}
	return string(text)
}

// appendRate prints thousandths without needless zeros: "0.25", "12".
func appendRate(text []byte, milli int64) []byte {
	text = strconv.AppendInt(text, milli/1000, 10)
	rest := milli % 1000
	if rest == 0 {
		return text
	}
	text = append(text, '.', byte('0'+rest/100), byte('0'+rest/10%10), byte('0'+rest%10))
	return bytes.TrimRight(text, "0")
}

// CapacityMilliRPS is how many requests per second, in thousandths, a pod has
// CPU for: of each container with a CPU limit, what it uses at rest taken off,
// by what a request costs (millionths of a core per request per second, 0 for
// nothing), and of all containers the least; and of a pod with a limit as a whole what
// that leaves all of them. Every request is taken to pass
// through every container that requests cost something. It is false if no
// container limits the rate.
func CapacityMilliRPS(spec *model.PodSpec, cpu func(container string) (restMilli, microPerRPS int64)) (least int64, limited bool) {
	var resting, cost int64
	for i := range spec.Containers {
		c := &spec.Containers[i]
		rest, each := cpu(c.Name)
		limit := spec.CPULimit(c)
		resting, cost = resting+rest, cost+each
		if each == 0 || limit == 0 {
			continue
		}
		capacity := max(0, limit-rest) * 1_000_000 / each
		if !limited || capacity < least {
			least, limited = capacity, true
		}
	}
	if quota := spec.PodCPULimit(); quota > 0 && cost > 0 {
		least, limited = min(least, max(0, quota-resting)*1_000_000/cost), true
	}
	return least, limited
}
