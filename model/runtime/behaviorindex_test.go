package runtime

import (
	"fmt"
	"testing"

	"orrery/model"
	"orrery/sim"
)

// The slow twin tries all behaviors in order.
func TestAnIndexFindsTheBehaviorThatDecides(t *testing.T) {
	luck := sim.NewLuck(1).Stream("behaviors")
	one := func(list ...string) string { return list[luck.Below(uint64(len(list)))] }
	some := func(most uint64) (values []string) {
		for range luck.Below(most + 1) {
			values = append(values, one("a", "b", "c"))
		}
		return values
	}
	decided := map[bool]int{}
	for range 300 {
		var all Behaviors
		for range luck.Below(12) {
			b := Behavior{Namespace: one("", "", "here", "there"), Container: one("", "", "x", "y")}
			if luck.Below(5) > 0 {
				b.Match = &model.Selector{}
				for range luck.Below(3) {
					b.Match.Requirements = append(b.Match.Requirements, model.Requirement{
						Key: one("k", "l", "m"), Op: model.Operator(luck.Below(4)), Values: some(2),
					})
				}
			}
			all = append(all, b)
		}
		index := all.Index()
		for range 20 {
			labels := map[string]string{}
			for range luck.Below(4) {
				labels[one("k", "l", "m")] = one("a", "b", "c")
			}
			p := &model.Pod{Meta: model.Meta{Namespace: one("here", "there"), Labels: model.MakeLabels(labels)}}
			if luck.Below(4) == 0 {
				p.ID = model.FirstStaticID
			}
			container := one("x", "y", "z")
			got, want := index.Deciding(p, container), all.Deciding(p, container)
			if got != want {
				t.Fatalf("%s of a pod with %v in %s: behavior %d, want %d of %s", container, p.Labels, p.Namespace, got, want, fmt.Sprint(all))
			}
			decided[got >= 0]++
		}
	}
	if decided[true] < 1000 || decided[false] < 1000 {
		t.Errorf("by one and by none: %v", decided)
	}
}

// A behavior is found among two hundred of which each is about another workload's pods.
func BenchmarkDeciding(b *testing.B) {
	var all Behaviors
	var pods []*model.Pod
	for i := range 200 {
		labels := model.MakeLabels(map[string]string{"app": fmt.Sprintf("s-%03d", i), "pod-template-hash": fmt.Sprint(i)})
		all = append(all, Behavior{Match: model.SelectorOf(labels[:1])})
		pods = append(pods, &model.Pod{Meta: model.Meta{Namespace: "default", Labels: labels}})
	}
	for _, x := range []struct {
		how  string
		list interface {
			Deciding(p *model.Pod, container string) int
		}
	}{{"one by one", all}, {"index", all.Index()}} {
		b.Run(x.how, func(b *testing.B) {
			for i := range b.N {
				if n := i * 77 % len(pods); x.list.Deciding(pods[n], "main") != n {
					b.Fatal(n)
				}
			}
		})
	}
}
