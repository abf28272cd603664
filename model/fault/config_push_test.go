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
		{"to some", fault.Push{Per: time.Second, Count: 5, Names: []string{"deployment/w-2"}}, "9: good good good\n10: good good bad\n19: good good bad\n20: good good bad\n30: good good bad"},
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
