package report

import (
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"slices"
	"testing"
	"time"

	"orrery/model"
)

// kubectl's words (pkg/printers/internalversion/printers.go printPod) are promised of one pod,
// of those of an owner or a node, and of all; who is gone is shown no more.
func TestPodsShownCountsWhatKubectlPrints(t *testing.T) {
	h := newTape()
	h.node("n-1")
	rs := h.deploy("web", 2, 0)
	h.pod(rs, "web-1")
	h.pod(rs, "web-2")
	h.at(time.Second)
	h.bind("web-1", "n-1")
	h.at(2 * time.Second)
	h.run("web-1")
	h.at(3 * time.Second)
	p := *h.Lookup(model.KindPod, "default", "web-1").(*model.Pod)
	p.Phase, p.Reason = model.PodFailed, "OutOfcpu"
	h.Update(h.by("kubelet"), &p)
	h.at(4 * time.Second)
	h.gone("web-1")
	h.at(5 * time.Second)
	for _, expr := range []string{
		"at 0s: pods_shown(Pending) == 2",
		"between 1s and 2s: reached(pods_shown(Pending, node/n-1) == 1)",
		"at 2s: pods_shown(Running, deployment/web) == 1",
		"at 2s: pods_shown(Pending, pod/web-1) == 0",
		"at 3s: pods_shown(OutOfcpu, node/n-1) == 1",
		"at 3s: pods_shown(Running) == 0",
		"between 4s and 5s: pods_shown(OutOfcpu, pod/web-1) == 0",
		"always(pods_shown(Init:1/2) == 0)",
		"after 1s: pods_shown(Pending, pod/web-2) == 1",
	} {
		if v := New(Meta{End: h.now()}, h.History(), promises(t, expr)).Verdicts[0]; !v.Held {
			t.Errorf("%s: %s, %s", expr, v.Measured, v.Reason)
		}
	}
}

// What is in the list of statuses can be shown, and nothing else: the tables of what a
// container waits for and of why a kubelet ended a pod, what endReason says, and why pods are
// rejected; and what others say of pods.
func TestStatusesAreThoseOfTheModel(t *testing.T) {
	found := map[string]bool{
		"Terminating": true, "SchedulingGated": true, "NotReady": true, // model/podline.go
		"ContainerCreating": true, "PodInitializing": true, "DeadlineExceeded": true, "ContainerStatusUnknown": true, // model/kubelet/status.go
	}
	for phase := model.PodPending; phase <= model.PodFailed; phase++ {
		found[phase.String()] = true
	}
	f, err := parser.ParseFile(gotoken.NewFileSet(), "../model/kubelet/row.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	tables := 0
	ast.Inspect(f, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok || v.Names[0].Name != "waitingNames" && v.Names[0].Name != "oustedFor" {
			return true
		}
		tables++
		for _, e := range v.Values[0].(*ast.CompositeLit).Elts {
			if s, ok := text(e.(*ast.KeyValueExpr).Value); ok {
				found[s] = true
			}
		}
		return false
	})
	m := readModel(t)
	m.results("endReason", found)
	for _, fn := range m.packages["../model/kubelet"] {
		if fn.Name.Name == "reject" {
			tables++
			m.given(fn, "reason", found)
		}
	}
	delete(found, outOf)
	if tables != 3 {
		t.Errorf("%d of three places found that say why", tables)
	}
	for s := range found {
		if !slices.Contains(statuses, s) {
			t.Errorf("%s can be shown and is not in the list", s)
		}
	}
	for _, s := range statuses {
		if !found[s] {
			t.Errorf("nothing in the model makes kubectl show %s", s)
		}
	}
}
