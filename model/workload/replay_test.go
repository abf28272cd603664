package workload_test

import (
	"fmt"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/network"
	"orrery/model/store"
	"orrery/model/workload"
	"orrery/sim"
)

// replay starts a trace of pods that come and go at these seconds; the names are
// p-0, p-1, ...
func (r *rig) replay(seconds ...[2]int) {
	var arrivals []workload.Arrival
	for i, s := range seconds {
		a := workload.Arrival{At: sim.Time(s[0]) * sim.Time(time.Second), GoneAt: sim.Never, Namespace: "default", Name: fmt.Sprintf("p-%d", i), Spec: &model.PodSpec{GraceSeconds: 30}}
		if s[1] > 0 {
			a.GoneAt = sim.Time(s[1]) * sim.Time(time.Second)
		}
		arrivals = append(arrivals, a)
	}
	workload.NewReplay(r.Kernel, r.store, r.control, arrivals).Start()
}

// lives is when each pod was created and deleted, as the history tells it.
func (r *rig) lives() string {
	text := ""
	for i := range r.store.History().Len() {
		x := r.store.History().At(i)
		if p, ok := x.Object().(*model.Pod); ok && x.Verb != store.Updated {
			text += fmt.Sprintf("%s %s %ds; ", p.Name, x.Verb, x.At/sim.Time(time.Second))
		}
	}
	return text
}

func TestPodsOfATraceComeAndGoAtTheirTimes(t *testing.T) {
	r := newRig(t, 1, 0)
	r.replay([2]int{0, 10}, [2]int{1, 0}, [2]int{5, 5}, [2]int{7, 8})
	r.after(time.Hour)
	if got, want := r.lives(), "p-0 created 0s; p-1 created 1s; p-2 created 5s; p-2 deleted 5s; p-3 created 7s; p-3 deleted 8s; p-0 deleted 10s; "; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// A creation whose answer is lost is asked again, and happens once; a deletion
// that is overdue by then follows at once.
func TestAPodOfATraceIsCreatedOnceThoughTheAnswerIsLost(t *testing.T) {
	for _, direction := range []string{"to the API server", "back"} {
		r := newRig(t, 1, 0)
		client := r.net.AddSite("client", "")
		from, to := client, r.control
		if direction == "back" {
			from, to = to, from
		}
		spec := &model.PodSpec{GraceSeconds: 30}
		arrivals := []workload.Arrival{{At: sim.Time(time.Second), GoneAt: sim.Time(30 * time.Second), Namespace: "default", Name: "p", Spec: spec}}
		workload.NewReplay(r.Kernel, r.store, client, arrivals).Start()
		if direction == "back" {
			r.after(time.Second + time.Millisecond) // the request has arrived
		}
		cut := r.net.Impair(network.Impairment{From: []network.Site{from}, To: []network.Site{to}, Cut: true})
		r.after(90 * time.Second)
		r.net.Lift(cut)
		r.after(time.Hour)
		want := "p created 123s; p deleted 123s; "
		if direction == "back" {
			want = "p created 1s; p deleted 123s; "
		}
		if got := r.lives(); got != want || r.failures() != "" {
			t.Errorf("%s: %s %s, want %s", direction, got, r.failures(), want)
		}
	}
}

func TestANameThatIsTakenIsSaid(t *testing.T) {
	r := newRig(t, 1, 0)
	r.store.Create(0, &model.Pod{Meta: model.Meta{Kind: model.KindPod, Namespace: "default", Name: "p-0"}, Spec: &model.PodSpec{}})
	r.replay([2]int{10, 20})
	r.after(time.Minute)
	if got, want := r.failures(), "pod/p-0: create: the API server refuses it: AlreadyExists"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if r.store.Lookup(model.KindPod, "default", "p-0") == nil {
		t.Error("the other pod was deleted")
	}
}
