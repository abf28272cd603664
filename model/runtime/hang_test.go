package runtime

import (
	"slices"
	"testing"
	"time"

	"orrery/model"
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
