package apiserver_test

import (
	"fmt"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/apiserver"
	"orrery/model/etcd"
	"orrery/model/network"
	"orrery/model/store"
	"orrery/sim"
)

// caller is a client that keeps its answers.
type caller struct {
	*sim.Kernel
	t       *testing.T
	store   *store.Store
	server  *apiserver.Server
	client  *store.Client
	replies []store.Reply
	at      []sim.Time
}

func newCaller(t *testing.T, name string, cores int) *caller {
	k := sim.New(sim.Config{Seed: 1})
	net := network.New(k, network.DefaultProfile())
	c := &caller{Kernel: k, t: t, store: store.New(k, net)}
	site := net.AddSite("cp-0", "")
	c.server = apiserver.New(k, c.store, apiserver.NewBackend(k, c.store, net, etcd.Config{Sites: []network.Site{site}}), net, site, cores)
	as := store.Admin("kubectl")
	if name == "" {
		as = store.Identity{}
	}
	c.client = c.store.NewClient(store.ClientConfig{Name: name, As: as, Actor: k.Register("caller", c), Site: site})
	return c
}

func (c *caller) Wake(now sim.Time, _ sim.Why, about uint64) {
	if r, ok := c.client.Reply(about); ok {
		c.replies, c.at = append(c.replies, r), append(c.at, now)
	}
}

// answer runs until everything asked is answered and returns the last answer.
func (c *caller) answer() store.Reply {
	c.t.Helper()
	if err := c.Run(c.Now().Add(time.Minute)); err != nil {
		c.t.Fatal(err)
	}
	return c.replies[len(c.replies)-1]
}

func (c *caller) create(o model.Object) model.Object {
	c.t.Helper()
	c.client.Create(o, 0)
	r := c.answer()
	if r.Refusal != store.Accepted {
		c.t.Fatalf("create: %v", r.Refusal)
	}
	return r.Object
}

func newPod(name string) *model.Pod {
	return &model.Pod{
		Meta: model.Meta{Kind: model.KindPod, Namespace: "default", Name: name},
		Spec: &model.PodSpec{GraceSeconds: 30},
	}
}

func (c *caller) node(name string) model.Object {
	return c.create(&model.Node{Meta: model.Meta{Kind: model.KindNode, Name: name}})
}

// Source: pkg/registry/core/pod/strategy.go CheckGracefulDelete.
func TestAPodIsDeletedGracefullyOnlyWhereItMayRun(t *testing.T) {
	c := newCaller(t, "user", 4)
	node := c.node("n-0")
	for _, tc := range []struct {
		name  string
		bind  bool
		phase model.Phase
		grace int32
		gone  bool
		want  int32
	}{
		{"not bound", false, model.PodPending, store.DefaultGrace, true, 0},
		{"bound", true, model.PodRunning, store.DefaultGrace, false, 30},
		{"bound, less grace", true, model.PodRunning, 5, false, 5},
		{"finished", true, model.PodSucceeded, store.DefaultGrace, true, 0},
		{"by force", true, model.PodRunning, 0, true, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := newPod(fmt.Sprintf("pod-%d", c.store.Revision()))
			p.Phase = tc.phase
			ref := c.create(p).Head().Ref()
			if tc.bind {
				c.client.Bind(ref, node.Head().Ref(), 0)
				c.answer()
			}
			c.client.Delete(ref, tc.grace, 0)
			c.answer()
			now, _ := c.store.Get(ref).(*model.Pod)
			if (now == nil) != tc.gone {
				t.Fatalf("gone: %v, want %v", now == nil, tc.gone)
			}
			if now != nil && (now.GraceSeconds != tc.want || !now.Deleting()) {
				t.Errorf("grace %d, want %d", now.GraceSeconds, tc.want)
			}
		})
	}
}

// Source: k8s.io/apiserver/pkg/registry/rest/delete.go: a grace period can be
// shortened, never lengthened.
func TestGraceOnlyShrinks(t *testing.T) {
	c := newCaller(t, "user", 4)
	node := c.node("n-0")
	ref := c.create(newPod("web")).Head().Ref()
	c.client.Bind(ref, node.Head().Ref(), 0)
	for i, grace := range []int32{20, 25, 10} {
		c.answer()
		c.client.Delete(ref, grace, 0)
		c.answer()
		want := []int32{20, 20, 10}[i]
		if got := c.store.Get(ref).(*model.Pod).GraceSeconds; got != want {
			t.Errorf("after asking for %d s: %d s, want %d", grace, got, want)
		}
	}
}

// Source: pkg/registry/core/pod/storage/storage.go assignPod.
func TestAPodIsBoundOnce(t *testing.T) {
	c := newCaller(t, "user", 4)
	a, b := c.node("n-0"), c.node("n-1")
	ref := c.create(newPod("web")).Head().Ref()
	c.client.Bind(ref, a.Head().Ref(), 0)
	if r := c.answer(); r.Refusal != store.Accepted {
		t.Fatal(r.Refusal)
	}
	c.client.Bind(ref, b.Head().Ref(), 0)
	if r := c.answer(); r.Refusal != store.Conflict {
		t.Errorf("second binding: %v", r.Refusal)
	}
	if p := c.store.Get(ref).(*model.Pod); p.NodeName != "n-0" || p.Scheduled.Status != model.True {
		t.Errorf("bound to %q, PodScheduled %v", p.NodeName, p.Scheduled.Status)
	}
}

// Source: plugin/pkg/admission/defaulttolerationseconds/admission.go and
// plugin/pkg/admission/nodetaint/admission.go.
func TestAdmissionAddsTolerationsAndTaints(t *testing.T) {
	c := newCaller(t, "user", 4)
	plain := c.create(newPod("plain")).(*model.Pod)
	if len(plain.Spec.Tolerations) != 2 || plain.Spec.Tolerations[0].For != 300*time.Second {
		t.Errorf("tolerations %+v", plain.Spec.Tolerations)
	}
	own := newPod("own")
	own.Spec.Tolerations = []model.Toleration{{Key: model.TaintUnreachable, Exists: true, Effect: model.NoExecute, For: time.Second}}
	if got := c.create(own).(*model.Pod).Spec.Tolerations; len(got) != 2 || got[0].For != time.Second {
		t.Errorf("tolerations of a pod with its own: %+v", got)
	}
	if n := c.node("n-0").(*model.Node); !model.HasTaint(n.Taints, model.TaintNotReady, model.NoSchedule) {
		t.Errorf("a new node has the taints %v", n.Taints)
	}
}

// nothing is a patch that changes nothing.
type nothing struct{}

func (nothing) Apply(cur model.Object) model.Object { return cur }

// Source: "An update that changes nothing is short-circuited: no etcd write, no
// new resourceVersion, no watch event" (k8s.io/apiserver/pkg/storage/etcd3).
func TestAPatchThatChangesNothingIsNotCommitted(t *testing.T) {
	c := newCaller(t, "user", 4)
	ref := c.create(newPod("web")).Head().Ref()
	before := c.store.Revision()
	c.client.Patch(ref, nothing{}, 0)
	if r := c.answer(); r.Refusal != store.Accepted || c.store.Revision() != before {
		t.Errorf("%v, revision %d after %d", r.Refusal, c.store.Revision(), before)
	}
}

func TestFewerCoresTakeLonger(t *testing.T) {
	last := map[int]sim.Time{}
	for _, cores := range []int{1, 4} {
		c := newCaller(t, "user", cores)
		for i := range 200 {
			c.client.Create(newPod(fmt.Sprint("web-", i)), 0)
		}
		c.answer()
		last[cores] = c.at[len(c.at)-1]
	}
	if last[1] < 3*last[4] {
		t.Errorf("200 writes take %v with one core, %v with four", last[1], last[4])
	}
}

// A Binding carries annotations, such as the GPUs that a plugin chose; whoever
// writes the status later leaves them alone.
//
// Source: pkg/registry/core/pod/storage/storage.go assignPod.
func TestABindingSaysWhichGPUsThePodHas(t *testing.T) {
	c := newCaller(t, "user", 4)
	ref := c.create(newPod("web")).Head().Ref()
	c.client.BindDevices(ref, c.node("n-0").Head().Ref(), 0b101, 0)
	c.answer()
	status := *c.store.Get(ref).(*model.Pod)
	status.Phase, status.Devices, status.ResourceVersion = model.PodRunning, 0, 0
	c.client.UpdateStatus(&status, 0)
	c.answer()
	if got := c.store.Get(ref).(*model.Pod); got.Devices != 0b101 || got.Phase != model.PodRunning || got.NodeName != "n-0" {
		t.Errorf("devices %b in phase %v on %q", got.Devices, got.Phase, got.NodeName)
	}
	if got := model.DeviceIndexes(0b101); got != "0-2" {
		t.Errorf("the annotation says %q, want 0-2", got)
	}
}
