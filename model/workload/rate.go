package workload

import (
	"cmp"
	"slices"
	"time"

	"orrery/sim"
)

// Rate is how many requests there are over time: a step function, so a change costs
// a wake-up and a request nothing.
type Rate struct {
	Steps []Step        // by At; before the first there are no requests
	Every time.Duration // after so long, more than the last At, it begins anew; 0 is never
}

// Step is the rate from a time on, in thousandths of a request per second.
type Step struct {
	At       time.Duration
	MilliRPS int64
}

// Constant is the same rate for ever.
func Constant(milliRPS int64) Rate { return Rate{Steps: []Step{{0, milliRPS}}} }

// Ramp goes from one rate to another between two times, in steps of equal length,
// of which the last may be shorter. A step has the rate of its middle.
func Ramp(from, to int64, start, end, step time.Duration) Rate {
	var r Rate
	if start > 0 {
		r.Steps = append(r.Steps, Step{0, from})
	}
	for at := start; at < end; at += step {
		middle := at + min(step, end-at)/2
		r.Steps = append(r.Steps, Step{at, from + between(to-from, middle-start, end-start)})
	}
	r.Steps = append(r.Steps, Step{end, to})
	return Rate{Steps: slices.CompactFunc(r.Steps, func(a, b Step) bool { return a.MilliRPS == b.MilliRPS })}
}

// between is part/whole of n, rounded towards 0.
func between(n int64, part, whole time.Duration) int64 {
	if n < 0 {
		return -portion(-n, int64(part), int64(whole))
	}
	return portion(n, int64(part), int64(whole))
}

// wave is half a wave, from 0 to 1000: (1 - cos x)/2 in steps of a 24th.
var wave = [...]int64{0, 4, 17, 38, 67, 103, 146, 196, 250, 309, 371, 435, 500, 565, 629, 691, 750, 804, 854, 897, 933, 962, 983, 996, 1000}

// Diurnal goes up and down once a period, like a cosine, in steps of equal length: it
// is highest at peak. A step has the rate of its middle, between the points of a table
// a straight line.
func Diurnal(low, high int64, period, peak, step time.Duration) Rate {
	r := Rate{Every: period}
	for at := time.Duration(0); at < period; at += step {
		away := (at + min(step, period-at)/2 - peak) % period // from the peak
		if away < 0 {
			away += period
		}
		away = min(away, period-away)
		const parts = time.Duration(len(wave) - 1)
		i := min(away*parts/(period/2), parts-1)
		from, to := high-low-portion(high-low, wave[i], 1000), high-low-portion(high-low, wave[i+1], 1000)
		start := period / 2 * i / parts
		length := period/2*(i+1)/parts - start
		r.Steps = append(r.Steps, Step{at, low + from + between(to-from, max(0, min(away-start, length)), length)})
	}
	r.Steps = slices.CompactFunc(r.Steps, func(a, b Step) bool { return a.MilliRPS == b.MilliRPS })
	return r
}

// at is the rate at t, and when it is the next time another one; Never if it stays.
func (r Rate) at(t sim.Time) (milli int64, next sim.Time) {
	within, begun := t, sim.Time(0)
	if r.Every > 0 {
		within = t % sim.Time(r.Every)
		begun = t - within
	}
	i, found := slices.BinarySearchFunc(r.Steps, within, func(s Step, t sim.Time) int { return cmp.Compare(sim.Time(s.At), t) })
	if found {
		i++
	}
	switch {
	case i < len(r.Steps):
		next = begun.Add(r.Steps[i].At)
	case r.Every > 0 && len(r.Steps) > 0 && r.Steps[len(r.Steps)-1].At > 0: // else it is always the same
		next = begun.Add(r.Every)
	default:
		next = sim.Never
	}
	if i > 0 {
		milli = r.Steps[i-1].MilliRPS
	}
	return milli, next
}
