package runtime

import (
	"slices"
	"testing"
	"time"

	"orrery/model"
	"orrery/sim"
)

// What a pod has when its processes hang nobody answers, as if its machine were gone; what
// a pod has that does not serve is nothing.
func TestAPodThatHangsLosesWhatItHasAndTellsNobody(t *testing.T) {
	r := newRig(Behavior{})
	s := r.machine.Add(pod(1, model.Container{Name: "a"}), 1)
	r.machine.MakeSandbox(s)
	s.Ready = true
	r.machine.Start(s, 0)
	r.run(t, time.Minute)
	if !s.serving {
		t.Fatal("it does not serve")
	}
	r.machine.Hang(1)
	r.machine.Hang(1)
	r.machine.Unhang(1)
	r.machine.PowerOff()
	if want := []string{"pod 1, silent: true"}; !slices.Equal(r.broke, want) {
		t.Errorf("%q, want %q", r.broke, want)
	}
}

// Source: signal(7): a signal that a process does not act upon stays pending.
func TestAPodThatHangsActsUponSIGTERMWhenItGoesOn(t *testing.T) {
	for _, c := range []struct {
		heals, grace time.Duration
		ended        time.Duration
		code         int32
	}{
		{time.Minute, 10 * time.Minute, 63 * time.Second, terminatedCode},
		{time.Hour, 10 * time.Minute, 10 * time.Minute, killedCode},
		{time.Minute, 61 * time.Second, 61 * time.Second, killedCode},
	} {
		r := newRig(Behavior{Stop: sim.Constant(3 * time.Second)})
		s := r.machine.Add(pod(1, model.Container{Name: "a"}), 1)
		r.machine.MakeSandbox(s)
		r.machine.Start(s, 0)
		r.run(t, time.Minute)
		r.machine.Hang(1)
		r.machine.Hang(1)
		at := r.Now()
		r.machine.Stop(s, 0, c.grace)
		r.run(t, c.heals/2)
		r.machine.Unhang(1)
		r.run(t, c.heals-c.heals/2)
		r.machine.Unhang(1)
		r.run(t, 2*time.Hour)
		p := &s.Processes[0]
		if d := p.FinishedAt.Sub(at) - c.ended; p.Running || d < 0 || d > 200*time.Millisecond || p.ExitCode != c.code {
			t.Errorf("%+v: ended after %v with %d", c, p.FinishedAt.Sub(at), p.ExitCode)
		}
	}
}
