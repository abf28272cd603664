package fault_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/apiserver"
	etcdmember "orrery/model/etcd"
	"orrery/model/fault"
	"orrery/model/network"
	"orrery/model/store"
)

// pushed runs a push to workloads w-0, w-1, ... of one API server and returns their
// images at some seconds, and how the history tells the push.
func pushed(t *testing.T, n int, p fault.Push, lasts time.Duration, seconds ...int) string {
	t.Helper()
	w := newWorld()
	apiserver.New(w.Kernel, w.store, apiserver.NewBackend(w.Kernel, w.store, w.net, etcdmember.Config{Sites: []network.Site{w.control[0]}}), w.net, w.control[0], 4)
	for i := range n {
		labels := model.MakeLabels(map[string]string{"app": fmt.Sprint("w-", i)})
		template := &model.Template{Labels: labels, Spec: &model.PodSpec{Containers: []model.Container{{Name: "c", Image: "good"}}}}
		template.Hash = template.ComputeHash()
		w.store.Create(0, &model.Deployment{
			Meta: model.Meta{Kind: model.KindDeployment, Namespace: "default", Name: fmt.Sprint("w-", n-1-i), Labels: labels}, Replicas: 1,
			Selector: model.SelectorOf(labels), Template: template,
		})
	}
	if p.Patch == nil {
		p.Patch = &model.MergePatch{Containers: []model.ContainerPatch{{Image: "bad"}}}
	}
	fault.New(w.Kernel, w, []fault.Spec{{ID: "p", Fault: "config-push", At: at(10), For: lasts, Push: p}}).Start()
	var out []string
	for _, s := range seconds {
		if err := w.Run(at(s).Add(time.Second - 1)); err != nil {
			t.Fatal(err)
		}
		line := fmt.Sprint(s, ":")
		for i := range n {
			d := w.store.Lookup(model.KindDeployment, "default", fmt.Sprint("w-", i)).(*model.Deployment)
			line += " " + d.Template.Spec.Containers[0].Image
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}

func TestAPushGoesOnAtItsRateInTheOrderOfNames(t *testing.T) {
	for _, c := range []struct {
		name string
		push fault.Push
		want string
	}{
		{"by count", fault.Push{Per: time.Minute, Count: 6}, "9: good good good\n10: bad good good\n19: bad good good\n20: bad bad good\n30: bad bad bad"},
		{"by share", fault.Push{Per: time.Second, PPM: 33_333}, "9: good good good\n10: bad good good\n19: bad good good\n20: bad bad good\n30: bad bad bad"},
		{"to some", fault.Push{Per: time.Second, Count: 5, Names: []string{"deployment/w-2"}},
			"9: good good good\n10: good good bad\n19: good good bad\n20: good good bad\n30: good good bad"},
	} {
		if got := pushed(t, 3, c.push, 0, 9, 10, 19, 20, 30); got != c.want {
			t.Errorf("%s: got\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
}

func TestAPushStopsWhenItEndsAndGivesBackWhatItChangedIfItIsTo(t *testing.T) {
	p := fault.Push{Per: time.Minute, Count: 6}
	if got, want := pushed(t, 3, p, 15*time.Second, 24, 60), "24: bad bad good\n60: bad bad good"; got != want {
		t.Errorf("halted: got\n%s\nwant\n%s", got, want)
	}
	p.Rollback = true
	if got, want := pushed(t, 3, p, 15*time.Second, 24, 26, 60), "24: bad bad good\n26: good good good\n60: good good good"; got != want {
		t.Errorf("given back: got\n%s\nwant\n%s", got, want)
	}
}

func TestWhatWasPushedWhenAllIsGivenBackEndsAsItBegan(t *testing.T) {
	all := &model.MergePatch{
		Replicas: new(int32(0)), Paused: new(true), MinReady: new(time.Minute), Labels: []model.LabelPatch{{Key: "x", Value: "y"}},
		PodLabels: []model.LabelPatch{{Key: "x", Value: "y"}}, Containers: []model.ContainerPatch{{Image: "bad"}},
	}
	labels := model.MakeLabels(map[string]string{"app": "a"})
	template := &model.Template{Labels: labels, Spec: &model.PodSpec{Containers: []model.Container{{Name: "c", Image: "good"}}}}
	template.Hash = template.ComputeHash()
	d := &model.Deployment{Meta: model.Meta{Kind: model.KindDeployment, Name: "a", Labels: labels}, Replicas: 3, Selector: model.SelectorOf(labels), Template: template}
	bad := all.Apply(d)
	back := (&model.Restore{Patch: all, Before: d}).Apply(bad).(*model.Deployment)
	if got := bad.(*model.Deployment); got.Replicas != 0 || !got.Paused || got.Generation != 1 {
		t.Errorf("%+v", got)
	}
	if back.Generation != 2 {
		t.Errorf("generation %d", back.Generation)
	}
	if back.Generation = 0; back.Replicas != d.Replicas || back.Paused || back.MinReady != 0 || back.Template != d.Template || back.Labels.String() != "app=a" {
		t.Errorf("%+v", back)
	}
}

// oneDeployment is an API server with a Deployment w-0.
func oneDeployment(t *testing.T) (*world, *apiserver.Server) {
	t.Helper()
	w := newWorld()
	server := apiserver.New(w.Kernel, w.store, apiserver.NewBackend(w.Kernel, w.store, w.net, etcdmember.Config{Sites: []network.Site{w.control[0]}}), w.net, w.control[0], 4)
	labels := model.MakeLabels(map[string]string{"app": "w-0"})
	template := &model.Template{Labels: labels, Spec: &model.PodSpec{Containers: []model.Container{{Name: "c", Image: "good"}}}}
	template.Hash = template.ComputeHash()
	w.store.Create(0, &model.Deployment{
		Meta: model.Meta{Kind: model.KindDeployment, Namespace: "default", Name: "w-0", Labels: labels}, Replicas: 1,
		Selector: model.SelectorOf(labels), Template: template,
	})
	return w, server
}

func image(w *world) string {
	return w.store.Lookup(model.KindDeployment, "default", "w-0").(*model.Deployment).Template.Spec.Containers[0].Image
}

func (w *world) until(t *testing.T, second int) {
	t.Helper()
	if err := w.Run(at(second)); err != nil {
		t.Fatal(err)
	}
}

// What cannot be asked is asked again every 5 s, until the server is there again.
func TestAPushThatReachesNoServerTriesAgainEvery5Seconds(t *testing.T) {
	w, server := oneDeployment(t)
	push := fault.Push{Per: time.Minute, Count: 6, Patch: &model.MergePatch{Containers: []model.ContainerPatch{{Image: "bad"}}}}
	fault.New(w.Kernel, w, []fault.Spec{{ID: "p", Fault: "config-push", At: at(10), Push: push}}).Start()
	w.until(t, 9)
	server.Stop()
	w.until(t, 21)
	server.Start()
	w.until(t, 24)
	if image(w) != "good" {
		t.Error("it was pushed while there was no server")
	}
	w.until(t, 40)
	if image(w) != "bad" {
		t.Error("it was not tried again")
	}
}

// A push that ends while it cannot be asked is not tried again, and what was asked is
// given back in any case: nobody knows whether it was done.
func TestAPushThatEndsWhileNoServerAnswersLeavesNothingBehind(t *testing.T) {
	w, server := oneDeployment(t)
	push := fault.Push{Per: time.Minute, Count: 6, Rollback: true, Patch: &model.MergePatch{Containers: []model.ContainerPatch{{Image: "bad"}}}}
	fault.New(w.Kernel, w, []fault.Spec{{ID: "p", Fault: "config-push", At: at(10), For: 5 * time.Second, Push: push}}).Start()
	w.until(t, 9)
	server.Stop()
	w.until(t, 30)
	server.Start()
	w.until(t, 60)
	if image(w) != "good" {
		t.Errorf("image %s after the end", image(w))
	}
}

// What the API server refuses for good, here because the credential has expired, is not
// tried again, not even when it would be let.
func TestAPushThatIsRefusedIsNotTriedAgain(t *testing.T) {
	w, _ := oneDeployment(t)
	other := *w.store.Lookup(model.KindDeployment, "default", "w-0").(*model.Deployment)
	other.Meta = model.Meta{Kind: model.KindDeployment, Namespace: "default", Name: "v-0", Labels: other.Labels}
	w.store.Create(0, &other)
	push := fault.Push{Per: time.Minute, Count: 6, Patch: &model.MergePatch{Containers: []model.ContainerPatch{{Image: "bad"}}}}
	fault.New(w.Kernel, w, []fault.Spec{{ID: "p", Fault: "config-push", At: at(10), Push: push}}).Start()
	pushes := func(as *store.Identity) bool { return as.Component == "config-push/p" }
	w.until(t, 15) // v-0 has had its turn, w-0 has it at 20
	if w.store.Expire(pushes) != 1 {
		t.Fatal("there is no client of that push")
	}
	w.until(t, 25)
	w.store.Renew(pushes)
	w.until(t, 60)
	if first := w.store.Get(other.Ref()).(*model.Deployment).Template.Spec.Containers[0].Image; first != "bad" || image(w) != "good" {
		t.Errorf("the first has %s, the refused one %s", first, image(w))
	}
}

// Two who change different fields do not undo each other's change: a patch is applied
// to what is stored, and asked again by the server if that changed meanwhile
// (k8s.io/apiserver/pkg/endpoints/handlers/patch.go).
func TestAPushDoesNotUndoWhatSomebodyElseChangesAtTheSameTime(t *testing.T) {
	w, _ := oneDeployment(t)
	push := fault.Push{Per: time.Minute, Count: 6, Patch: &model.MergePatch{Containers: []model.ContainerPatch{{Image: "bad"}}}}
	fault.New(w.Kernel, w, []fault.Spec{{ID: "p", Fault: "config-push", At: at(10), Push: push}}).Start()
	w.until(t, 10)
	d := *w.store.Lookup(model.KindDeployment, "default", "w-0").(*model.Deployment)
	d.Replicas = 7
	w.store.Update(0, &d)
	w.until(t, 12)
	if d := w.store.Lookup(model.KindDeployment, "default", "w-0").(*model.Deployment); d.Replicas != 7 || image(w) != "bad" {
		t.Errorf("%d replicas of %s", d.Replicas, image(w))
	}
}
