package report

import (
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"orrery/model"
)

// chance tells a history that no component would: whatever can be done to pods
// of any owner, in any order.
type chance struct {
	*tape
	rng  *rand.Rand
	sets []*model.ReplicaSet
	made int // templates
}

func (c *chance) pick(n int) int { return c.rng.IntN(n) }

// step does one thing.
func (c *chance) step() {
	pod := fmt.Sprintf("p-%d", c.pick(8))
	node := fmt.Sprintf("n-%d", c.pick(3))
	p, _ := c.Lookup(model.KindPod, "default", pod).(*model.Pod)
	_, there := c.Lookup(model.KindNode, "", node).(*model.Node)
	switch k := c.pick(17); {
	case k == 0 && !there:
		c.node(node)
	case k == 1 && there:
		c.nodeReady(node, model.ConditionStatus(c.pick(3)))
	case k == 2 && there:
		c.Delete(c.by("kubectl"), c.Lookup(model.KindNode, "", node).Head().Ref())
	case k <= 4:
		c.workload(fmt.Sprintf("d-%d", c.pick(3)))
	case k == 5:
		c.fault("f", []string{reasonFaultStarted, reasonFaultEnded, reasonWithoutTarget}[c.pick(3)], "")
	case k == 6:
		c.traffic("service/d-0", 1000, int64(c.pick(2))*1000)
	case k == 7:
		c.Note(c.by("kubelet"), model.Note{About: &model.Meta{Kind: model.KindPod, ID: uint32(1 + c.pick(30)), Name: pod},
			Reason: reasonFailed, Message: pullFailed})
	case k == 16:
		about := &model.Meta{Kind: model.KindPod, Namespace: "default", ID: uint32(1 + c.pick(30)), Name: pod}
		if c.pick(3) == 0 {
			about = &model.Meta{Kind: model.KindNode, Name: node}
		}
		c.Note(c.by("machine"), model.Note{About: about, Reason: model.ReasonUsageChanged, Usage: &model.Usage{
			MilliCPU: int64(c.pick(4000)), MemoryBytes: int64(c.pick(1 << 34)), MemoryGrowth: int64(c.pick(1<<31) - 1<<30),
		}})
	case p == nil:
		c.create(pod, node, there)
	default:
		c.touch(k, p, node, there)
	}
}

// workload makes, changes or deletes a Deployment and its ReplicaSets.
func (c *chance) workload(name string) {
	d, _ := c.Lookup(model.KindDeployment, "default", name).(*model.Deployment)
	if d == nil {
		set := c.Lookup(model.KindReplicaSet, "default", name+"-"+name+"1")
		if set != nil {
			c.Delete(c.by("garbage-collector"), set.Head().Ref())
		}
		c.sets = append(c.sets, c.deploy(name, int32(c.pick(3)), time.Duration(c.pick(2))*time.Second))
		return
	}
	switch c.pick(3) {
	case 0:
		next := *d
		next.Replicas = int32(c.pick(4))
		c.Update(c.by("kubectl"), &next)
	case 1:
		c.Delete(c.by("kubectl"), d.Ref())
	case 2:
		next := *d
		c.made++
		next.Template = &model.Template{Labels: d.Template.Labels, Spec: d.Template.Spec, Hash: fmt.Sprint("h", c.made)}
		c.Update(c.by("kubectl"), &next)
		c.sets = append(c.sets, c.revise(&next))
	}
}

// create makes a pod: of a ReplicaSet that may be gone, or bare, perhaps on a
// node from the start.
func (c *chance) create(name, node string, there bool) {
	p := &model.Pod{Meta: model.Meta{Kind: model.KindPod, Namespace: "default", Name: name}, Spec: &model.PodSpec{GraceSeconds: 30}}
	if n := len(c.sets); n > 0 && c.pick(2) == 0 {
		rs := c.sets[c.pick(n)]
		p.Owner, p.Spec = rs.Ref(), rs.Template.Spec
	}
	if there && c.pick(2) == 0 {
		p.NodeName, p.NodeID = node, c.Lookup(model.KindNode, "", node).Head().ID
	}
	c.Create(c.by("kubectl"), p)
}

// touch does something to a pod. One may go as soon as its eviction is noted, so
// that nothing but its last version tells of it.
func (c *chance) touch(k int, p *model.Pod, node string, there bool) {
	switch {
	case k == 8 && there:
		c.bind(p.Name, node)
	case k == 9:
		c.run(p.Name)
	case k == 10:
		c.evict(p.Name)
	case k == 11:
		c.leave("kubectl", p.Name)
	case k == 12:
		c.change("taint-eviction-controller", p.Name, func(p *model.Pod) {
			p.Disrupted = model.Condition{Status: model.True, SinceAt: c.now(), Reason: reasonTaint}
		})
		c.gone(p.Name)
	case k == 13:
		c.change("kubelet", p.Name, func(p *model.Pod) {
			p.Phase = []model.Phase{model.PodPending, model.PodRunning, model.PodSucceeded, model.PodFailed}[c.pick(4)]
		})
	case k == 14:
		c.unready(p.Name)
	default:
		c.gone(p.Name)
	}
}

// TestNoHistoryIsTooOdd reports on histories made at random, with every metric,
// and explains every object. Nothing may panic, and the pods at the end are
// those that are left.
func TestNoHistoryIsTooOdd(t *testing.T) {
	var exprs []string
	for _, m := range Metrics() {
		claim := map[Unit]string{Count: " <= 0", Percent: " >= 99.9%", Duration: " <= 1s", Rate: " >= 1rps", Times: " <= 2x", Cores: " <= 2", Bytes: " <= 1Gi", YesNo: ""}[m.Unit]
		for _, object := range append([]string{""}, m.kinds()...) {
			name := map[string]string{"": "", "namespace": "namespace/default", "pod": "pod/p-1", "node": "node/n-1", "replicaset": "rs/d-0-d-01"}[object]
			if name == "" && object != "" {
				name = object + "/d-0"
			}
			if m.Word != "" {
				name = "Failed, " + name
			}
			for _, in := range []string{"", "after faults: "} {
				if e := in + m.Name + "(" + name + ")" + claim; parses(e) {
					exprs = append(exprs, e)
				}
			}
		}
	}
	if len(exprs) < 2*len(Metrics()) {
		t.Fatalf("only %d expressions: %q", len(exprs), exprs)
	}
	for seed := range uint64(150) {
		odd(t, seed, promises(t, exprs...))
	}
}

func parses(expr string) bool {
	_, err := ParseExpect(expr)
	return err == nil
}

func odd(t *testing.T, seed uint64, all []Expect) {
	defer func() {
		if r := recover(); r != nil {
			t.Errorf("seed %d", seed)
			panic(r)
		}
	}()
	c := &chance{tape: newTape(), rng: rand.New(rand.NewPCG(seed, 1))}
	for range 10 + c.pick(120) {
		c.at(time.Duration(c.now()) + time.Duration(c.pick(3))*700*time.Millisecond)
		c.step()
	}
	r := New(Meta{Scenario: "odd", End: c.now()}, c.History(), all)
	reportText(t, r, true)
	reportJSON(t, r)
	pods := map[string]bool{}
	for i := range c.History().Len() {
		rec := c.History().At(i)
		if rec.Note != nil {
			continue
		}
		m := rec.Object().Head()
		if m.Kind == model.KindPod {
			pods[m.Name] = rec.New != nil
		}
		if err := Explain(io.Discard, c.History(), m.Path()); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
	}
	left := int64(0)
	for _, is := range pods {
		if is {
			left++
		}
	}
	if p := r.Pods; p.Running+p.Pending+p.Terminating+p.Succeeded+p.Failed != left {
		t.Errorf("seed %d: %d pods are left, the report has %+v", seed, left, p)
	}
}
