package runtime_test

import (
	"testing"
	"time"

	"orrery/model"
	"orrery/model/runtime"
)

// A start-up takes as much longer as its speed is less, by everything that slows it, and by
// what it is late besides, and
// nothing is slow that nobody slows any more.
func TestWhatSlowsAStartUpEachDoes(t *testing.T) {
	web, db := &model.Pod{Meta: model.Meta{Name: "web"}}, &model.Pod{Meta: model.Meta{Name: "db"}}
	named := func(name string) func(*model.Pod) bool { return func(p *model.Pod) bool { return p.Name == name } }
	var p runtime.Pace
	check := func(pod *model.Pod, want time.Duration) {
		t.Helper()
		if got := p.StartUp(pod, 2*time.Second); got != want {
			t.Errorf("%s takes %v, want %v", pod.Name, got, want)
		}
	}
	late := p.Delay(func(p *model.Pod) time.Duration {
		if p.Name == "web" {
			return time.Second
		}
		return 0
	})
	check(web, 3*time.Second)
	check(db, 2*time.Second)
	half := p.Slow(named("web"), 500_000)
	check(web, 5*time.Second)
	late()
	half()
	first := p.Slow(named("web"), 500_000)
	second := p.Slow(named("web"), 200_000)
	other := p.Slow(named("db"), 400_000)
	check(web, 20*time.Second)
	check(db, 5*time.Second)
	first()
	check(web, 10*time.Second)
	second()
	other()
	check(web, 2*time.Second)
	check(db, 2*time.Second)
}
