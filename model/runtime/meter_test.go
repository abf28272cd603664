package runtime

import (
	"testing"
	"time"

	"orrery/sim"
)

// TestTheMeterSaysWhatScrapesWouldHaveFound compares it with scraping every 15 s.
func TestTheMeterSaysWhatScrapesWouldHaveFound(t *testing.T) {
	luck := sim.NewLuck(2).Stream("meter")
	m := &Machine{}
	var cpu int64
	var scraped []int64
	next := sim.Time(0)
	now := sim.Time(0)
	for range 20_000 {
		now = now.Add(luck.Duration(0, 12*time.Second))
		for ; next <= now; next = next.Add(scrapeEvery) {
			scraped = append(scraped, cpu)
		}
		if luck.Below(3) > 0 {
			more := int64(luck.Below(1000)) - min(cpu, 500)
			cpu += more
			m.meter.use(now, more)
		}
		milli, at, ok := m.MeasuredCPU(now)
		n := len(scraped)
		if ok != (n > 2) {
			t.Fatalf("at %v, after %d scrapes, there is a sample: %v", now, n, ok)
		}
		if ok && (milli != scraped[n-2] || at != next.Add(-2*scrapeEvery)) {
			t.Fatalf("at %v the sample is %d of %v, want %d of %v", now, milli, at, scraped[n-2], next.Add(-2*scrapeEvery))
		}
	}
}
