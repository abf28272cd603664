package report

import (
	"bytes"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/network"
	"orrery/model/store"
	"orrery/sim"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares got with a file in testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; got:\n%s\nwant:\n%s", path, got, want)
	}
}

// tape writes a history by hand.
type tape struct {
	*store.Store
	kernel *sim.Kernel
	actors map[string]sim.ActorID
}

func newTape() *tape {
	k := sim.New(sim.Config{Seed: 1})
	return &tape{Store: store.New(k, network.New(k, network.DefaultProfile())), kernel: k, actors: map[string]sim.ActorID{}}
}

type nobody struct{}

func (nobody) Wake(sim.Time, sim.Why, uint64) {}

func (t *tape) by(name string) sim.ActorID {
	id, ok := t.actors[name]
	if !ok {
		id = t.kernel.Register(name, nobody{})
		t.actors[name] = id
	}
	return id
}

// at lets time pass to a moment.
func (t *tape) at(d time.Duration) {
	if err := t.kernel.Run(sim.Time(d)); err != nil {
		panic(err)
	}
}

func (t *tape) now() sim.Time { return t.kernel.Now() }

func (t *tape) node(name string) *model.Node {
	n := &model.Node{Meta: model.Meta{Kind: model.KindNode, Name: name}, Ready: model.Condition{Status: model.True}}
	t.Create(t.by("cluster"), n)
	return n
}

func (t *tape) nodeReady(name string, is model.ConditionStatus) {
	n := *t.Lookup(model.KindNode, "", name).(*model.Node)
	n.Ready = model.Condition{Status: is, SinceAt: t.now(), Reason: "NodeStatusUnknown"}
	if is == model.Unknown {
		n.Taints = model.WithTaint(n.Taints, model.Taint{Key: model.TaintUnreachable, Effect: model.NoExecute})
	} else {
		n.Taints, n.Ready.Reason = nil, "KubeletReady"
	}
	t.Update(t.by("node-lifecycle-controller"), &n)
}

// deploy creates a Deployment with one ReplicaSet.
func (t *tape) deploy(name string, replicas int32, minReady time.Duration) *model.ReplicaSet {
	l := model.Labels{{Key: "app", Value: name}}
	spec := &model.PodSpec{Containers: []model.Container{{Name: "main", Image: name + ":1"}}, GraceSeconds: 30}
	d := &model.Deployment{
		Meta:     model.Meta{Kind: model.KindDeployment, Namespace: "default", Name: name, Labels: l},
		Replicas: replicas, Selector: model.SelectorOf(l), MinReady: minReady, MaxSurge: model.CountOrPercent{Value: 25, Percent: true},
		Template: &model.Template{Labels: l, Spec: spec, Hash: name + "1"},
	}
	t.Create(t.by("kubectl"), d)
	return t.revise(d)
}

// revise creates the ReplicaSet of a Deployment's present template.
func (t *tape) revise(d *model.Deployment) *model.ReplicaSet {
	rs := &model.ReplicaSet{
		Meta: model.Meta{Kind: model.KindReplicaSet, Namespace: "default", Name: d.Name + "-" + d.Template.Hash, Owner: d.Ref(),
			Labels: d.Template.Labels.With(model.LabelTemplateHash, d.Template.Hash)},
		Replicas: d.Replicas, Selector: d.Selector, Template: d.Template, MinReady: d.MinReady,
	}
	t.Create(t.by("deployment-controller"), rs)
	return rs
}

// pod creates a pod of rs that waits for a node.
func (t *tape) pod(rs *model.ReplicaSet, name string) {
	p := &model.Pod{
		Meta: model.Meta{Kind: model.KindPod, Namespace: "default", Name: name, Owner: rs.Ref(), Labels: rs.Labels},
		Spec: rs.Template.Spec,
	}
	t.Create(t.by("replicaset-controller"), p)
}

func (t *tape) change(by, pod string, f func(*model.Pod)) {
	p := *t.Lookup(model.KindPod, "default", pod).(*model.Pod)
	f(&p)
	t.Update(t.by(by), &p)
}

func (t *tape) bind(pod, node string) {
	t.change("scheduler", pod, func(p *model.Pod) {
		p.NodeName, p.NodeID = node, t.Lookup(model.KindNode, "", node).Head().ID
		p.Scheduled = model.Condition{Status: model.True, SinceAt: t.now()}
	})
}

func (t *tape) run(pod string) {
	by := "kubelet/" + t.Lookup(model.KindPod, "default", pod).(*model.Pod).NodeName
	t.change(by, pod, func(p *model.Pod) {
		p.Phase, p.StartedAt = model.PodRunning, t.now()
		p.Containers = []model.ContainerStatus{{State: model.ContainerRunning, Ready: true, Started: true, StartedAt: t.now()}}
		p.ContainersUp = model.Condition{Status: model.True, SinceAt: t.now()}
		p.Ready = p.ContainersUp
	})
}

func (t *tape) unready(pod string) {
	t.change("node-lifecycle-controller", pod, func(p *model.Pod) {
		p.Ready = model.Condition{Status: model.False, SinceAt: t.now(), Reason: "NodeNotReady"}
	})
}

// evict is what the taint manager does: it says why, then deletes.
func (t *tape) evict(pod string) {
	t.change("taint-eviction-controller", pod, func(p *model.Pod) {
		p.Disrupted = model.Condition{Status: model.True, SinceAt: t.now(), Reason: reasonTaint}
	})
	t.leave("taint-eviction-controller", pod)
}

func (t *tape) leave(by, pod string) {
	t.change(by, pod, func(p *model.Pod) { p.DeletionAt, p.GraceSeconds = t.now().Add(30*time.Second), 30 })
}

func (t *tape) gone(pod string) {
	t.Delete(t.by("kubelet"), t.Lookup(model.KindPod, "default", pod).Head().Ref())
}

func (t *tape) fault(id, reason, message string) {
	t.Note(t.by("fault/"+id), model.Note{Named: "fault/" + id, Reason: reason, Message: message})
}

// traffic says that of 1000 requests per second to a service so many are served.
func (t *tape) traffic(service string, offered, served int64) {
	t.Note(t.by("traffic"), model.Note{Named: service, Reason: model.ReasonTrafficChanged, Traffic: &model.Traffic{
		From: "ingress", OfferedMilliRPS: offered, FirstMilliRPS: offered, ServedMilliRPS: served, RefusedMilliRPS: offered - served}})
}

// nodeLoss is a small story: three pods on two nodes, one of which goes.
func nodeLoss() *tape {
	t := newTape()
	t.node("n-1")
	t.node("n-2")
	t.at(10 * time.Millisecond)
	rs := t.deploy("web", 3, 0)
	t.Create(t.by("kubectl"), &model.Service{Meta: model.Meta{Kind: model.KindService, Namespace: "default", Name: "web"}, Selector: rs.Selector, Ports: 1})
	for i, name := range []string{"web-1", "web-2", "web-3"} {
		t.at(time.Duration(20+i) * time.Millisecond)
		t.pod(rs, name)
		t.bind(name, []string{"n-1", "n-2", "n-2"}[i])
	}
	t.traffic("service/web", 300_000, 0)
	for i, name := range []string{"web-1", "web-2", "web-3"} {
		t.at(time.Duration(2+i) * time.Second)
		t.run(name)
	}
	t.traffic("service/web", 300_000, 300_000)
	t.at(5 * time.Minute)
	t.fault("power", reasonFaultStarted, "node-down: node/n-2")
	t.traffic("service/web", 300_000, 100_000)
	t.at(5*time.Minute + 46*time.Second)
	t.nodeReady("n-2", model.Unknown)
	t.unready("web-2")
	t.unready("web-3")
	t.at(5*time.Minute + 46*time.Second + 10*time.Millisecond)
	t.traffic("service/web", 300_000, 300_000)
	t.at(10*time.Minute + 50*time.Second)
	t.evict("web-2")
	t.evict("web-3")
	t.at(10*time.Minute + 51*time.Second)
	t.pod(rs, "web-4")
	t.pod(rs, "web-5")
	t.Note(t.by("scheduler"), model.Note{About: t.Lookup(model.KindPod, "default", "web-4").Head(), Reason: "Scheduled",
		Message: "Successfully assigned default/web-4 to n-1"})
	t.bind("web-4", "n-1")
	t.bind("web-5", "n-1")
	t.at(10*time.Minute + 55*time.Second)
	t.run("web-4")
	t.run("web-5")
	t.at(20 * time.Minute)
	return t
}

func historyText(t *testing.T, h *store.History) string {
	var b bytes.Buffer
	if err := WriteHistory(&b, h); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestHistoryFile(t *testing.T) {
	text := historyText(t, nodeLoss().History())
	golden(t, "node-loss.ndjson", text)
	for _, l := range strings.Split(strings.TrimSpace(text), "\n") {
		var v map[string]any
		if err := json.Unmarshal([]byte(l), &v); err != nil {
			t.Fatalf("%v in %s", err, l)
		}
		sortedKeys(t, json.NewDecoder(strings.NewReader(l)), l)
	}
}

// sortedKeys checks the order of the keys of every object in a value.
func sortedKeys(t *testing.T, d *json.Decoder, in string) {
	tok, err := d.Token()
	if err != nil {
		t.Fatal(err)
	}
	open, ok := tok.(json.Delim)
	if !ok {
		return
	}
	last := ""
	for d.More() {
		if open == '{' {
			key, _ := d.Token()
			if key.(string) <= last {
				t.Errorf("key %q after %q in %s", key, last, in)
			}
			last = key.(string)
		}
		sortedKeys(t, d, in)
	}
	d.Token()
}

// TestDiffIsWhatTheFileShows holds the fast encoder against the plain way of
// making a line.
func TestDiffIsWhatTheFileShows(t *testing.T) {
	h := nodeLoss().History()
	e := NewEncoder(h)
	for i := range h.Len() {
		r := h.At(i)
		var got map[string]any
		if err := json.Unmarshal(e.Line(r), &got); err != nil {
			t.Fatal(err)
		}
		if r.Note != nil {
			continue
		}
		m := r.Object().Head()
		changes := map[string]any{}
		for _, f := range model.Diff(r.Old, r.New) {
			changes[f.Path] = []any{f.From, f.To}
		}
		want := map[string]any{"by": h.ActorName(r.By), "changes": changes, "kind": m.Kind.String(), "name": m.Name,
			"namespace": m.Namespace, "rev": float64(r.Revision), "t": float64(r.At), "verb": r.Verb.String()}
		a, _ := json.Marshal(got)
		b, _ := json.Marshal(want)
		if !bytes.Equal(a, b) {
			t.Errorf("record %d:\n got %s\nwant %s", i, a, b)
		}
		if !slices.Equal(slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want))) {
			t.Errorf("record %d has other keys", i)
		}
	}
}

func TestDigestIsOfTheLinesOfTheFile(t *testing.T) {
	h := nodeLoss().History()
	d := sim.NewDigest()
	for _, l := range strings.Split(strings.TrimSpace(historyText(t, h)), "\n") {
		d.Add([]byte(l))
	}
	if got, want := Digest(h).Sum(), d.Sum(); got != want {
		t.Errorf("digest %s, the file's lines make %s", got, want)
	}
	if got, want := Digest(nodeLoss().History()).Sum(), d.Sum(); got != want {
		t.Errorf("the same history again has digest %s, not %s", got, want)
	}
}

func TestLinesDoNotAllocate(t *testing.T) {
	h := nodeLoss().History()
	e := NewEncoder(h)
	all := func() {
		for i := range h.Len() {
			if r := h.At(i); r.Verb != store.Created {
				e.Line(r)
			}
		}
	}
	all()
	// The one is the text of a node's taints, which are few.
	if n := testing.AllocsPerRun(10, all); n > 1 {
		t.Errorf("%v allocations", n)
	}
}

func TestSplitPath(t *testing.T) {
	for path, want := range map[string][3]string{
		"pod/web-1":             {"Pod", "default", "web-1"},
		"shop/pod/web-1":        {"Pod", "shop", "web-1"},
		"pod/pod/web-1":         {"Pod", "pod", "web-1"},
		"node/n-1":              {"Node", "", "n-1"},
		"fault/zone-b":          {"fault", "", "zone-b"},
		"shop/service/checkout": {"Service", "shop", "checkout"},
		"something":             {"", "", "something"},
	} {
		k, ns, n := splitPath(path)
		if got := [3]string{k, ns, n}; got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
}
