package model

import "fmt"

// ReasonThrottlingChanged is the Reason of a note about a pod that carries a Throttling.
const ReasonThrottlingChanged = "ThrottlingChanged"

// Throttling is how a container fares under its CPU limit, from the note's instant until
// the next one about the same container.
type Throttling struct {
	Container string
	// PeriodsPPM is in how many of a million periods of 100 ms it uses up its quota and
	// stands still (cpu.stat nr_throttled).
	PeriodsPPM int64
	// MilliCPU is on how many CPUs it stands still on the average, in thousandths: seconds
	// of throttled time in each second (cpu.stat throttled_usec, which counts every CPU).
	MilliCPU int64
}

// Differs tells whether a Throttling is worth a note after another: it began or ended, or
// is another one by five of a hundred periods or a fifth of the time.
func (t *Throttling) Differs(o *Throttling) bool {
	if (t.PeriodsPPM == 0) != (o.PeriodsPPM == 0) {
		return true
	}
	d, of := max(t.MilliCPU-o.MilliCPU, o.MilliCPU-t.MilliCPU), max(t.MilliCPU, o.MilliCPU)
	return max(t.PeriodsPPM-o.PeriodsPPM, o.PeriodsPPM-t.PeriodsPPM) >= 50_000 || d*5 >= of && d >= 20
}

// String is the Throttling for people.
func (t *Throttling) String() string {
	if t.PeriodsPPM == 0 {
		return "container " + t.Container + " is not throttled any more"
	}
	stands := fmt.Sprintf("%d.%02d", t.MilliCPU/1000, t.MilliCPU%1000/10)
	if t.MilliCPU < 10 {
		stands = fmt.Sprintf("0.%03d", t.MilliCPU)
	}
	return fmt.Sprintf("container %s is throttled in %d%% of all periods of 100ms, for %ss in each second on all its CPUs together",
		t.Container, (t.PeriodsPPM+5000)/10_000, stands)
}
