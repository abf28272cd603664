package fault

import (
	"fmt"

	"orrery/model"
)

// slowStart has containers start up more slowly, those that start while it is in force: a
// cold cache, a dependency that hesitates, a volume that is read for the first time. Who
// that is shows when they start, so pods that are made meanwhile are among them.
type slowStart struct{ stop func() }

func (f *slowStart) begin(d *Director, s *Spec, _ []model.Object) (string, bool) {
	t := &s.Target
	f.stop = d.world.SlowStarts(func(p *model.Pod) bool {
		return t.Selects(&p.Meta) && d.inPlace(t, p)
	}, s.RatePPM)
	return fmt.Sprintf("what starts takes %s times as long to start up", times(1_000_000, s.RatePPM)), true
}

func (f *slowStart) end(*Director) { f.stop() }

// times is a quotient for people, rounded down: "2.5".
func times(a, b int64) string {
	if tenths := a * 10 / b; tenths%10 > 0 {
		return fmt.Sprintf("%d.%d", tenths/10, tenths%10)
	}
	return fmt.Sprint(a / b)
}
