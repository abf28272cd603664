package runtime

import (
	"time"

	"orrery/sim"
)

// meter is the CPU of a machine as metrics-server knows it: what was used at the
// last scrape, every 15 s, of which anybody hears one scrape later: samples are 15
// to 45 s old (kubernetes-sigs/metrics-server, --metric-resolution).
// Use changes only at moments that are known, so no scrape has to happen.
type meter struct {
	cpu          int64 // used now, in milli
	scrapes      int64 // so many were before cpu changed last
	older, newer int64 // what was used at the last two of them
}

const scrapeEvery = 15 * time.Second

// catchUp makes the scrapes that would have happened by now.
func (m *meter) catchUp(now sim.Time) {
	switch missed := int64(now)/int64(scrapeEvery) - m.scrapes; {
	case missed == 1:
		m.older, m.newer = m.newer, m.cpu
	case missed > 1:
		m.older, m.newer = m.cpu, m.cpu
	}
	m.scrapes = int64(now) / int64(scrapeEvery)
}

// use adds to what is used from now on.
func (m *meter) use(now sim.Time, milli int64) {
	m.catchUp(now)
	m.cpu += milli
}

// MeasuredCPU is the CPU that metrics say the machine uses, in milli, and the
// moment of which that was true. Before the second scrape there are none.
func (m *Machine) MeasuredCPU(now sim.Time) (milli int64, at sim.Time, ok bool) {
	m.meter.catchUp(now)
	if m.meter.scrapes < 2 {
		return 0, 0, false
	}
	return m.meter.older, sim.Time((m.meter.scrapes - 1) * int64(scrapeEvery)), true
}
