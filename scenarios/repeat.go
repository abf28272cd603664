package scenarios

import (
	"fmt"
	"time"

	"orrery/model/fault"
	"orrery/scenarios/strict"
)

// minRepeat is how soon a fault may happen again.
const minRepeat = time.Second

// repeated is a fault that happens again and again: every so long, so many times or to
// the end of the run. Each time it has a name of its own, ID, ID-2, ID-3, and with it
// other luck.
func (l *loader) repeated(v strict.Value, f fault.Spec) []fault.Spec {
	out := []fault.Spec{f}
	if !v.Given() {
		return out
	}
	m := v.Map("repeat", repeatOptions.names()...)
	every := m.Required("every").DurationIn(minRepeat, maxDuration)
	if every <= 0 {
		return out
	}
	if f.For > every {
		m.Optional("every").Errorf("it lasts %s, longer than until the next begins", strict.FormatDuration(f.For))
		return out
	}
	times := int(m.Default("times", fmt.Sprint(maxFaults)).Int(1, maxFaults))
	end := l.scenario.Config.Duration
	for n := 2; n <= times && len(out) <= maxFaults; n++ {
		next := f
		next.At, next.ID = out[n-2].At.Add(every), fmt.Sprintf("%s-%d", f.ID, n)
		if next.At.Sub(0) > end {
			break
		}
		out = append(out, next)
	}
	return out
}
