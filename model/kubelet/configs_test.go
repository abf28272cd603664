package kubelet_test

import (
	"slices"
	"testing"
	"time"

	"orrery/model"
	"orrery/sim"
)

// keep makes a ConfigMap or a Secret.
func (r *rig) keep(kind model.Kind, name string, keys ...string) {
	r.user.Create(&model.Config{Meta: model.Meta{Kind: kind, Namespace: "default", Name: name}, Keys: keys}, 0)
	r.run(10 * time.Millisecond)
}

// reads is a container's environment.
func reads(all ...model.ConfigUse) func(*model.PodSpec) {
	return func(s *model.PodSpec) { s.Containers[0].Env = known(all) }
}

// mounts is a pod's volumes.
func mounts(all ...model.ConfigUse) func(*model.PodSpec) {
	return func(s *model.PodSpec) { s.Configs = known(all) }
}

func known(all []model.ConfigUse) []model.ConfigUse {
	for i := range all {
		all[i].Known = true
	}
	return all
}

// reason is why a pod's first container waits, as the API shows it.
func (r *rig) reason(p *model.Pod) string {
	if q := r.get(p); len(q.Containers) > 0 {
		return q.Containers[0].Reason
	}
	return ""
}

// Source: pkg/kubelet/kubelet_pods.go makeEnvironmentVariables, kuberuntime_container.go startContainer
// (ErrCreateContainerConfig): the pod has its sandbox and its image, and no container until the worker,
// every 10 to 15 s, finds the Secret.
func TestAContainerIsNotCreatedWhileASecretOfItsEnvironmentIsMissing(t *testing.T) {
	r := newRig(t, 1)
	p := r.pod("web", reads(model.ConfigUse{Kind: model.KindSecret, Name: "db", Keys: []string{"password"}}))
	r.run(5 * time.Minute)
	if q := r.get(p); q.Phase != model.PodPending || q.Containers[0].Reason != "CreateContainerConfigError" || q.Sandbox.Status != model.True || len(r.starts(p, "main")) > 0 {
		t.Fatalf("%v %+v sandbox %v", q.Phase, q.Containers[0], q.Sandbox.Status)
	}
	if told := r.said(p, "Failed", `Error: secret "db" not found`); len(told) != 1 {
		t.Errorf("told at %v, want once", told)
	}
	r.keep(model.KindSecret, "db", "user")
	r.run(20 * time.Second)
	if told := r.said(p, "Failed", "Error: couldn't find key password in Secret default/db"); len(told) != 1 {
		t.Errorf("of the key told at %v\n%s", told, r.story())
	}
	r.user.Delete(r.store.Lookup(model.KindSecret, "default", "db").Head().Ref(), 0, 0)
	r.run(time.Second)
	r.keep(model.KindSecret, "db", "password")
	there := r.Now()
	if d := r.ready(p).Sub(there); d > 18*time.Second {
		t.Errorf("ready after %v", d)
	}
}

// Source: pkg/volume/configmap/configmap.go SetUpAt, pkg/util/goroutinemap/exponentialbackoff: the mount is
// tried again after 0.5 s, 1, 2 and so on, and the pod has no sandbox; that the worker gives up waiting after
// 2m3s is no Event (pkg/kubelet/kubelet.go SyncPod, wait.Interrupted).
func TestAPodWaitsForAConfigMapThatItsVolumeNeeds(t *testing.T) {
	r := newRig(t, 1)
	p := r.pod("web", mounts(model.ConfigUse{Kind: model.KindConfigMap, Name: "app", Volume: "conf"}))
	r.run(3 * time.Minute)
	tries := r.said(p, "FailedMount", `MountVolume.SetUp failed for volume "conf" : configmap "app" not found`)
	want := []time.Duration{0, 500, 1500, 3500, 7500, 15500, 31500, 63500, 127500}
	if len(tries) != len(want) {
		t.Fatalf("tried at %v\n%s", tries, r.story())
	}
	for i, at := range tries {
		if at.Sub(tries[0]) != want[i]*time.Millisecond {
			t.Errorf("try %d %v after the first", i, at.Sub(tries[0]))
		}
	}
	if waits := r.said(p, "FailedMount", "Unable to attach or mount volumes"); len(waits) != 0 {
		t.Errorf("waits end at %v", waits)
	}
	if c := r.get(p).Containers[0]; r.alive(p) || c.State != model.ContainerWaiting || c.Reason != "ContainerCreating" {
		t.Errorf("shown as %+v", c)
	}
	r.keep(model.KindConfigMap, "app")
	started := r.until("it starts", 5*time.Minute, func() bool { return len(r.starts(p, "main")) > 0 })
	if d := started.Sub(tries[0]); d < 249500*time.Millisecond || d > 253*time.Second {
		t.Errorf("started %v after the first try, want 249.5 s and what a start takes", d)
	}
}

// Source: as above, and pkg/volume/secret/secret.go MakePayload, pkg/volume/projected/projected.go
// collectData (all that is wrong with one volume, by utilerrors.NewAggregate).
func TestWhatIsMissingIsToldInTheWordsOfAKubelet(t *testing.T) {
	here := func(u model.ConfigUse) model.ConfigUse { u.Name = "here"; return u }
	config, secret := model.ConfigUse{Kind: model.KindConfigMap, Name: "none"}, model.ConfigUse{Kind: model.KindSecret, Name: "none"}
	keys := func(u model.ConfigUse, keys ...string) model.ConfigUse { u.Keys = keys; return u }
	in := func(volume string, u model.ConfigUse) model.ConfigUse { u.Volume = volume; return u }
	optional := func(u model.ConfigUse) model.ConfigUse { u.Optional = true; return u }
	for _, c := range []struct {
		spec func(*model.PodSpec)
		want string // "" starts
	}{
		{reads(here(config), here(secret), keys(here(config), "a"), keys(here(secret), "a")), ""},
		{mounts(in("v", here(config)), in("w", here(secret)), in("x", keys(here(config), "a", "b"))), ""},
		{reads(optional(config), optional(secret), optional(keys(here(config), "c"))), ""},
		{mounts(in("v", optional(config)), in("w", optional(secret)), in("x", optional(keys(here(config), "c")))), ""},
		{reads(here(secret), config, secret), `Error: configmap "none" not found`},
		{reads(secret, config), `Error: secret "none" not found`},
		{reads(keys(here(config), "c")), "Error: couldn't find key c in ConfigMap default/here"},
		{mounts(in("v", here(config)), in("w", secret)), `MountVolume.SetUp failed for volume "w" : secret "none" not found`},
		{mounts(in("v", keys(here(config), "a", "c"))), `MountVolume.SetUp failed for volume "v" : configmap references non-existent config key: c`},
		{mounts(in("v", keys(here(secret), "c"))), `MountVolume.SetUp failed for volume "v" : references non-existent secret key: c`},
		{mounts(in("p", secret), in("p", keys(here(config), "c"))),
			`MountVolume.SetUp failed for volume "p" : [secret "none" not found, configmap references non-existent config key: c]`},
	} {
		r := newRig(t, 1)
		r.keep(model.KindConfigMap, "here", "a", "b")
		r.keep(model.KindSecret, "here", "a", "b")
		p := r.pod("web", c.spec)
		r.run(10 * time.Second)
		var said []string
		r.events(p, func(_ sim.Time, n *model.Note) {
			if n.Warning {
				said = append(said, n.Text())
			}
		})
		if c.want == "" && (len(said) > 0 || len(r.starts(p, "main")) == 0) || c.want != "" && (len(slices.Compact(said)) != 1 || said[0] != c.want) {
			t.Errorf("%q, want %q", said, c.want)
		}
	}
}

// Source: pkg/kubelet/util/manager/watch_based_manager.go NewWatchBasedManager: a watch that nobody has
// read for five minutes ends at one of the looks, each minute; a new one needs an API server. What is
// in a volume, too, is read every minute.
func TestAContainerCannotRestartWithoutAnAPIServerOnceItsConfigMapIsWatchedNoMore(t *testing.T) {
	const syncs = "Error: failed to sync configmap cache: timed out waiting for the condition"
	use := model.ConfigUse{Kind: model.KindConfigMap, Name: "app"}
	run := func(after time.Duration, immutable bool, f func(*model.PodSpec)) (r *rig, p *model.Pod) {
		r = newRig(t, 1)
		r.user.Create(&model.Config{Meta: model.Meta{Kind: model.KindConfigMap, Namespace: "default", Name: "app"}, Immutable: immutable}, 0)
		r.run(time.Second)
		p = r.pod("web", f)
		r.ready(p)
		r.server.Stop()
		r.run(after)
		r.kubelet.CrashContainer(p.Ref(), "", 1)
		r.run(10 * time.Second)
		return r, p
	}
	both := func(s *model.PodSpec) {
		reads(use)(s)
		mounts(model.ConfigUse{Kind: model.KindConfigMap, Name: "app", Volume: "v"})(s)
	}
	for _, c := range []struct {
		after     time.Duration
		immutable bool
		spec      func(*model.PodSpec)
		restarts  bool
	}{
		{4*time.Minute + 50*time.Second, false, reads(use), true},
		{6*time.Minute + 10*time.Second, false, reads(use), false},
		{20 * time.Minute, true, reads(use), true},
		{20 * time.Minute, false, both, true},
	} {
		r, p := run(c.after, c.immutable, c.spec)
		if restarted := len(r.starts(p, "main")) == 2; restarted != c.restarts {
			t.Fatalf("after %v without an API server, immutable %v: restarted %v\n%s", c.after, c.immutable, restarted, r.story())
		}
		if c.restarts {
			continue
		}
		if told := r.said(p, "Failed", syncs); len(told) != 1 {
			t.Errorf("told at %v\n%s", told, r.story())
		}
		r.server.Start()
		r.until("it runs again", time.Minute, func() bool { return len(r.starts(p, "main")) == 2 })
	}
}

// Source: watch_based_manager.go AddReference (the watch begins with the pod's first sync, not when it is read)
// and stopIfIdle (one that has told what there is and was never read ends at the next look).
func TestAWatchHasWhatWasThereWhenItBeganThoughNobodyHasReadIt(t *testing.T) {
	secret := model.ConfigUse{Kind: model.KindSecret, Name: "db"}
	pulls := func(s *model.PodSpec) { reads(secret)(s); s.Containers[0].Image = "far" }
	r := newRig(t, 1)
	r.keep(model.KindSecret, "db")
	p := r.pod("web", pulls)
	r.run(700 * time.Millisecond) // its image is being pulled
	r.server.Stop()
	r.until("it starts without an API server", 10*time.Second, func() bool { return len(r.starts(p, "main")) == 1 })

	for _, c := range []struct {
		after    time.Duration // the restart of the kubelet
		restarts bool
	}{{40 * time.Second, true}, {90 * time.Second, false}} {
		r := newRig(t, 1)
		r.keep(model.KindSecret, "db")
		p := r.pod("web", reads(secret))
		r.ready(p)
		r.kubelet.Stop()
		r.run(time.Second)
		r.kubelet.Resume()
		r.run(10 * time.Second)
		r.server.Stop()
		r.run(c.after - 10*time.Second)
		r.kubelet.CrashContainer(p.Ref(), "", 1)
		r.run(10 * time.Second)
		if restarted := len(r.starts(p, "main")) == 2; restarted != c.restarts {
			t.Errorf("%v after the kubelet's restart: restarted %v\n%s", c.after, restarted, r.story())
		}
	}
}

// Source: pkg/kubelet/volumemanager/reconciler/reconstruct.go (what a process before has mounted is uncertain),
// cache/actual_state_of_world.go PodExistsInVolume (such a volume is mounted anew), kubelet.go SyncPod: until
// it is, the pod runs on, and nothing of it is started again.
func TestAfterARestartOfTheKubeletAMissingConfigMapKeepsARunningPodFromRestarting(t *testing.T) {
	r := newRig(t, 1)
	r.keep(model.KindConfigMap, "app")
	p := r.pod("web", mounts(model.ConfigUse{Kind: model.KindConfigMap, Name: "app", Volume: "v"}))
	r.ready(p)
	r.user.Delete(r.store.Lookup(model.KindConfigMap, "default", "app").Head().Ref(), 0, 0)
	r.kubelet.Stop()
	r.run(time.Second)
	r.kubelet.Resume()
	r.run(30 * time.Second)
	if told := r.said(p, "FailedMount", `MountVolume.SetUp failed for volume "v" : configmap "app" not found`); len(told) == 0 || !r.get(p).IsReady() {
		t.Fatalf("told at %v\n%s", told, r.story())
	}
	r.kubelet.CrashContainer(p.Ref(), "", 1)
	r.run(time.Minute)
	if n := len(r.starts(p, "main")); n != 1 {
		t.Errorf("%d starts", n)
	}
	r.keep(model.KindConfigMap, "app")
	r.until("it is mounted, and starts", 3*time.Minute, func() bool { return len(r.starts(p, "main")) == 2 })
}

// What a running pod has mounted it keeps; its environment is read anew at each start.
func TestAConfigMapThatIsDeletedIsMissedAtTheNextStartOnly(t *testing.T) {
	r := newRig(t, 1)
	r.keep(model.KindConfigMap, "app")
	mounting := r.pod("mounting", mounts(model.ConfigUse{Kind: model.KindConfigMap, Name: "app", Volume: "v"}))
	reading := r.pod("reading", reads(model.ConfigUse{Kind: model.KindConfigMap, Name: "app"}))
	r.ready(mounting)
	r.ready(reading)
	r.user.Delete(r.store.Lookup(model.KindConfigMap, "default", "app").Head().Ref(), 0, 0)
	r.run(10 * time.Minute)
	for _, p := range []*model.Pod{mounting, reading} {
		if !r.get(p).IsReady() {
			t.Errorf("%s: not ready", p.Name)
		}
		r.kubelet.CrashContainer(p.Ref(), "", 1)
	}
	r.run(30 * time.Second)
	if n := len(r.starts(mounting, "main")); n != 2 {
		t.Errorf("what is mounted: %d starts", n)
	}
	if got := r.reason(reading); got != "CreateContainerConfigError" {
		t.Errorf("the environment: %q\n%s", got, r.story())
	}
}

// Of each container what is wrong is told once in a row, whatever is said of the others between.
func TestWhatEachContainerLacksIsToldOnce(t *testing.T) {
	r := newRig(t, 1)
	p := r.pod("web", func(s *model.PodSpec) {
		s.Containers = append(s.Containers, model.Container{Name: "side", Image: "web"})
		s.Containers[0].Env = known([]model.ConfigUse{{Kind: model.KindSecret, Name: "db"}})
		s.Containers[1].Env = known([]model.ConfigUse{{Kind: model.KindConfigMap, Name: "app"}})
	})
	r.run(5 * time.Minute)
	for _, why := range []string{`secret "db"`, `configmap "app"`} {
		if told := r.said(p, "Failed", "Error: "+why+" not found"); len(told) != 1 {
			t.Errorf("%s: told at %v", why, told)
		}
	}
}

// The back-off of its other restarts goes on (kuberuntime_manager.go doBackOff): a container that
// could not be created has not ended anew.
func TestAMissingSecretOfOneContainerLeavesTheOthersOfItsPodAlone(t *testing.T) {
	r := newRig(t, 1)
	p := r.pod("web", func(s *model.PodSpec) {
		s.Containers = append(s.Containers, model.Container{Name: "side", Image: "web"})
		reads(model.ConfigUse{Kind: model.KindSecret, Name: "db"})(s)
	})
	r.run(time.Minute)
	if q := r.get(p); len(r.starts(p, "side")) != 1 || q.Phase != model.PodPending || q.Containers[1].State != model.ContainerRunning {
		t.Errorf("%v %+v", q.Phase, q.Containers)
	}
	if got := r.reason(p); got != "CreateContainerConfigError" {
		t.Errorf("shown as %s", got)
	}
}
