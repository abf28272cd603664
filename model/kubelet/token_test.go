package kubelet_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// tokenless is a pod with automountServiceAccountToken: false.
func tokenless(s *model.PodSpec) { s.NoToken, s.TokenSaid = true, true }

// unserved is a pod of which its kubelet hears just before the only API server is gone.
func (r *rig) unserved(name string, f func(*model.PodSpec)) *model.Pod {
	r.t.Helper()
	p := r.pod(name, f)
	for r.store.Lookup(model.KindPod, "default", name) == nil {
		r.run(100 * time.Microsecond)
	}
	p = r.store.Lookup(model.KindPod, "default", name).(*model.Pod)
	r.server.Stop()
	return p
}

const refusedToken = " : failed to fetch token: dial tcp: connect: connection refused"

// Source: pkg/volume/projected/projected.go collectData, pkg/kubelet/token/token_manager.go,
// pkg/volume/util/operationexecutor/operation_generator.go GenerateMountVolumeFunc: without
// its token a pod has no volumes and no sandbox.
// pkg/util/goroutinemap/exponentialbackoff: the mount is tried again after 0.5 s, 1, 2 and so
// on until 64, then after 122 s each time. Ten minutes without an API server are these
// attempts, counted from the first, and the next one gets the token.
// volumemanager.go WaitForAttachAndMount: its worker waits 2m3s, and again after 10 to 15 s, and says
// nothing of it (pkg/kubelet/kubelet.go SyncPod, wait.Interrupted).
func TestAPodWithoutAnAPIServerWaitsForItsTokenAndRetriesAsVolumesDo(t *testing.T) {
	r := newRig(t, 1)
	r.run(time.Minute)
	p := r.unserved("web", nil)
	from := r.Now()
	r.run(10 * time.Minute)
	r.server.Start()
	if r.alive(p) {
		t.Fatal("it runs without a token")
	}
	tries := r.said(p, "FailedMount", "MountVolume.SetUp failed for volume \"kube-api-access-")
	want := []time.Duration{0, 500, 1500, 3500, 7500, 15500, 31500, 63500, 127500, 249500, 371500, 493500}
	if len(tries) != len(want) {
		t.Fatalf("tried at %v\n%s", tries, r.story())
	}
	for i, at := range tries {
		if d := at.Sub(tries[0]) - want[i]*time.Millisecond; d < 0 || d > 20*time.Millisecond {
			t.Errorf("try %d %v after the first", i, at.Sub(tries[0]))
		}
	}
	if n := r.notes(p, "FailedMount"); len(n) != len(tries) || tries[0].Sub(from) > 50*time.Millisecond {
		t.Errorf("%d Events of %d tries, the first at %v", len(n), len(tries), tries[0])
	}
	shown := r.until("shown as it waits", time.Minute, func() bool { return len(r.get(p).Containers) > 0 })
	if c := r.get(p).Containers[0]; c.State != model.ContainerWaiting || c.Reason != "ContainerCreating" {
		t.Errorf("%v: shown as %+v", shown, c)
	}
	started := r.until("it starts", 5*time.Minute, func() bool { return len(r.starts(p, "main")) > 0 })
	if d := started.Sub(tries[0]); d < 615500*time.Millisecond || d > 632*time.Second {
		t.Errorf("started %v after the first try, want 615.5 s and what a start takes, or the rest of the worker's pause", d)
	}
}

// The words are those of an Event as people quote it (k3s-io/k3s issue 4580), without the URL.
func TestTheEventOfAMissingTokenNamesTheVolume(t *testing.T) {
	r := newRig(t, 1)
	p := r.unserved("web", nil)
	r.run(time.Second)
	var texts []string
	r.events(p, func(_ sim.Time, n *model.Note) { texts = append(texts, n.Text()) })
	if len(texts) != 2 || texts[0] != texts[1] || !strings.HasSuffix(texts[0], refusedToken) {
		t.Fatalf("%q", texts)
	}
	name := strings.TrimSuffix(strings.TrimPrefix(texts[0], "MountVolume.SetUp failed for volume \"kube-api-access-"), "\""+refusedToken)
	if len(name) != 5 || strings.Trim(name, "bcdfghjklmnpqrstvwxz2456789") != "" {
		t.Errorf("the volume ends in %q", name)
	}
}

// Source: plugin/pkg/admission/serviceaccount/admission.go shouldAutomount.
func TestAPodThatNeedsNoTokenStartsWithoutAnAPIServer(t *testing.T) {
	r := newRig(t, 1)
	p := r.unserved("web", tokenless)
	r.until("it starts", 10*time.Second, func() bool { return len(r.starts(p, "main")) > 0 })
	if n := r.notes(p, "FailedMount"); len(n) > 0 {
		t.Errorf("%v", n)
	}
}

// A token lives in the memory of its kubelet, not in that of a container
// (token_manager.go Manager.cache): what has started restarts without an API server.
func TestAContainerThatRestartsKeepsItsPodsToken(t *testing.T) {
	r := newRig(t, 1)
	p := r.pod("web", nil)
	r.ready(p)
	r.server.Stop()
	r.kubelet.CrashContainer(p.Ref(), "", 1)
	r.until("it starts again", 10*time.Second, func() bool { return len(r.starts(p, "main")) == 2 })
}

// Source: client-go rest/request.go tryThrottle: with 1 request a second and no burst, 105
// pods that come together get their tokens one second after the other, after the two
// requests of the first status; who comes after its answer gets it after the two of the
// second status, too. A start takes up to 3 s besides.
func TestEachStartTakesARequestOfTheKubeletsBudget(t *testing.T) {
	r := newRig(t, 1, func(r *rig) { r.config.QPS, r.config.Burst = 1, 1 })
	r.run(time.Minute)
	for i, d := range r.startTimes(105) {
		if late := d - time.Duration(2+i)*time.Second; late < 0 || late > 5*time.Second {
			t.Errorf("start %d after %v, want %d s and a start", i, d, 2+i)
		}
	}
}

// The same with a burst of 10: after the first status there are 8 requests for starts at
// once, and then one in each second.
func TestABurstOfTheBudgetIsForStartsAndStatuses(t *testing.T) {
	r := newRig(t, 1, func(r *rig) { r.config.QPS, r.config.Burst = 1, 10 })
	r.run(time.Minute)
	for i, d := range r.startTimes(20) {
		if late := d - time.Duration(max(0, i-7))*time.Second; late < 0 || late > 5*time.Second {
			t.Errorf("start %d after %v, want %d s and a start", i, d, max(0, i-7))
		}
	}
}

// startTimes is how long from now the start of each of so many new pods takes, sorted: which
// one is first is luck.
func (r *rig) startTimes(n int) (all []time.Duration) {
	r.t.Helper()
	var pods []*model.Pod
	for i := range n {
		pods = append(pods, r.pod(fmt.Sprintf("p%d", i), nil))
	}
	from := r.Now()
	r.run(3 * time.Minute)
	for _, p := range pods {
		at := r.starts(p, "main")
		if len(at) != 1 {
			r.t.Fatalf("%s started at %v", p.Name, at)
		}
		all = append(all, at[0].Sub(from))
	}
	slices.Sort(all)
	return all
}

// A token that is on its way is not there yet: when the API server ends while the pod's
// volumes are being mounted, it is asked for in vain, and the pod starts as late as if it had
// come later. When the volumes are mounted, it starts.
func TestAnAPIServerThatEndsBeforeVolumesAreMountedDelaysAStart(t *testing.T) {
	for _, c := range []struct {
		after time.Duration
		waits bool
	}{{30 * time.Millisecond, true}, {2 * time.Second, false}} {
		r := newRig(t, 1)
		r.run(time.Minute)
		p := r.pod("web", nil)
		r.run(c.after)
		r.server.Stop()
		from := r.Now()
		r.run(10 * time.Second)
		tries := r.said(p, "FailedMount", "MountVolume.SetUp failed")
		if waits := len(tries) > 0; waits != c.waits || r.alive(p) == waits {
			t.Fatalf("%v: tried at %v, runs %v", c.after, tries, r.alive(p))
		}
		if c.waits && tries[0].Sub(from) > 10*time.Millisecond {
			t.Errorf("first tried %v after the end", tries[0].Sub(from))
		}
		r.server.Start()
		r.until("it starts", time.Minute, func() bool { return len(r.starts(p, "main")) == 1 })
	}
}

// Whose turn comes when the API server is gone asks in vain.
func TestATokenInLineIsAskedForWhenItsTurnHasCome(t *testing.T) {
	r := newRig(t, 1, func(r *rig) { r.config.QPS, r.config.Burst = 1, 1 })
	r.run(time.Minute)
	p := r.pod("web", nil)
	r.run(time.Second)
	r.server.Stop()
	from := r.Now()
	r.run(5 * time.Second)
	tries := r.said(p, "FailedMount", "MountVolume.SetUp failed")
	if r.alive(p) || len(tries) == 0 || tries[0].Sub(from) < 900*time.Millisecond || tries[0].Sub(from) > 1100*time.Millisecond {
		t.Errorf("tried at %v", tries)
	}
}

// Source: token_manager.go NewManager: a new process knows no token, so it asks again for
// each of its pods, and until then its worker does nothing for a pod.
func TestAKubeletThatRestartsAsksForEachTokenAgain(t *testing.T) {
	r := newRig(t, 1, func(r *rig) { r.config.QPS, r.config.Burst = 1, 1 })
	var pods []*model.Pod
	for i := range 20 {
		pods = append(pods, r.pod(fmt.Sprintf("p%d", i), nil))
	}
	r.run(5 * time.Minute)
	r.kubelet.Stop()
	r.kubelet.Resume()
	r.run(4 * time.Second) // it has begun, and pods are listed
	from := r.Now()
	first, last := pods[0], pods[19]
	for _, p := range []*model.Pod{first, last} {
		r.kubelet.CrashContainer(p.Ref(), "", 1)
	}
	again := func(p *model.Pod) time.Duration {
		return r.until(p.Name+" starts again", time.Minute, func() bool { return len(r.starts(p, "main")) == 2 }).Sub(from)
	}
	if d := again(first); d > 6*time.Second {
		t.Errorf("the first again after %v", d)
	}
	if d := again(last); d < 14*time.Second || d > 30*time.Second {
		t.Errorf("the last again after %v, want about 20 s", d)
	}
}

// Without a credential nothing is answered but 401, and nobody hears why.
func TestAKubeletWhoseCredentialExpiredStartsNoNewPod(t *testing.T) {
	r := newRig(t, 1)
	r.run(time.Minute)
	mine := func(id *store.Identity) bool { return id.User == model.UserNodePrefix+"n-0" }
	r.store.Expire(mine)
	p := r.pod("web", nil)
	r.run(time.Minute)
	if r.alive(p) || len(r.starts(p, "main")) > 0 {
		t.Fatal("it starts")
	}
	r.store.Renew(mine)
	r.until("it starts", 2*time.Minute+10*time.Second, func() bool { return len(r.starts(p, "main")) > 0 })
}

// A pod that is deleted while it has no token goes as any that never ran.
func TestAPodThatWaitsForItsTokenCanBeDeleted(t *testing.T) {
	r := newRig(t, 1, func(r *rig) { r.config.QPS, r.config.Burst = 1, 1 })
	r.run(time.Minute)
	r.pod("first", nil)
	p := r.pod("second", nil)
	r.run(time.Second)
	r.user.Delete(p.Ref(), store.DefaultGrace, 0)
	r.until("it is gone", time.Minute, func() bool { return r.get(p) == nil })
	if n := r.starts(p, "main"); len(n) > 0 {
		t.Errorf("started at %v", n)
	}
}

// What an API server needs longer than the other volumes is waited for: 5 s, less the 0.1 to
// 1.5 s that those take.
func TestASlowAPIServerDelaysAStart(t *testing.T) {
	took := func(slow time.Duration) time.Duration {
		r := newRig(t, 1)
		r.run(time.Minute)
		p := r.pod("web", nil)
		for range 5 {
			r.run(time.Millisecond)
		}
		if slow > 0 {
			r.server.SetLatency(sim.Constant(slow))
		}
		from := r.Now()
		return r.until("it starts", time.Minute, func() bool { return len(r.starts(p, "main")) > 0 }).Sub(from)
	}
	if d := took(5*time.Second) - took(0); d < 3500*time.Millisecond || d > 4900*time.Millisecond {
		t.Errorf("with an API server that takes 5 s it starts %v later", d)
	}
}

// While nothing is wrong the answer is known: the history of a pod is the same as of one
// that needs no token, and costs no event more.
func TestATokenCostsNothingWhileNothingIsWrong(t *testing.T) {
	var stories [2]string
	var events [2]uint64
	for i, f := range []func(*model.PodSpec){nil, tokenless} {
		r := newRig(t, 1)
		for n := range 30 {
			r.pod(fmt.Sprintf("p%d", n), f)
		}
		r.run(10 * time.Minute)
		stories[i], events[i] = r.story(), uint64(r.Events())
	}
	if stories[0] != stories[1] || events[0] != events[1] {
		t.Errorf("%d events with tokens, %d without", events[0], events[1])
	}
}

// Source: plugin/pkg/admission/serviceaccount/admission.go Validate: a mirror pod has no service
// account, and so the static pod has no token: it starts with its machine, whoever answers.
func TestAStaticPodNeedsNoToken(t *testing.T) {
	var p program
	r := newRig(t, 1, withStatic(&p))
	r.run(time.Minute)
	r.server.Stop()
	r.kubelet.PowerOff()
	r.kubelet.PowerOn()
	r.until("it runs", 3*time.Minute, func() bool {
		for _, s := range r.kubelet.Machine().Sandboxes() {
			if s != nil && s.Processes[0].Running {
				return true
			}
		}
		return false
	})
}
