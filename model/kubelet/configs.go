package kubelet

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"orrery/model"
	"orrery/sim"
)

// What a pod needs of ConfigMaps and Secrets its kubelet reads where it follows them: it watches each
// one while a pod that names it is here (pkg/kubelet/util/manager/watch_based_manager.go). A volume of
// one that is missing is not mounted, and the pod gets no sandbox; a container whose environment needs
// it is not created. Both are tried again until it is there.
//
// A watch is no event: what it has is looked up where it is read. Deviations: what is on its way is there
// already; a watch that found no API server looks for one when it is read, not by a back-off of its own; and
// one that is cut off has what was there when it began or was read last. That a volume cannot be written anew, every minute or so, of a pod
// that runs is not told.

// configKey names a ConfigMap or a Secret.
type configKey struct {
	kind            model.Kind
	namespace, name string
}

// followed is one that pods here need.
type followed struct {
	pods, mounts int           // that need it, and those that have it in a volume
	toldAt       sim.Time      // when the watch has told what there is; Never while it has not begun
	readAt       sim.Time      // when it was read last; -idleAfter if it never was
	seen         *model.Config // then, or when the watch began if that is later; nil if there was none
	kept         bool          // it was immutable when it was read: it is watched no more
}

// A watch that has told what there is ends at one of the looks, each syncEvery, if nobody has read it for
// idleAfter or ever; what volumes need is read every syncEvery (NewWatchBasedManager, with syncFrequency as it
// is unless said). Who reads waits for a watch to tell what there is for tellsWithin (objectCache.Get).
const (
	syncEvery   = time.Minute
	idleAfter   = 5 * syncEvery
	tellsWithin = time.Second
)

// follow begins to watch what a pod needs, if it does not do so already.
func (k *Kubelet) follow(r *row) {
	if r.follows {
		return
	}
	eachUse(r.pod, func(key configKey, u *model.ConfigUse) {
		f := k.configs[key]
		if f == nil {
			if k.configs == nil {
				k.configs = map[configKey]*followed{}
			}
			f = &followed{toldAt: sim.Never, readAt: -sim.Time(idleAfter)}
			k.watch(key, f)
			k.configs[key] = f
		}
		f.count(u, 1)
		r.follows = true
	})
}

// watch begins a watch, which has what is there if an API server answers.
func (k *Kubelet) watch(key configKey, f *followed) {
	f.toldAt = k.client.Follow()
	k.refresh(key, f)
}

// refresh takes over what a watch has, unless it is cut off.
func (k *Kubelet) refresh(key configKey, f *followed) {
	if now, ok := k.client.Followed(key.kind, key.namespace, key.name); ok {
		f.seen, _ = now.(*model.Config)
	}
}

// unfollow ends that.
func (k *Kubelet) unfollow(r *row) {
	if !r.follows {
		return
	}
	r.follows = false
	eachUse(r.pod, func(key configKey, u *model.ConfigUse) {
		f := k.configs[key]
		if f.count(u, -1); f.pods == 0 {
			delete(k.configs, key)
		}
	})
}

func (f *followed) count(u *model.ConfigUse, more int) {
	f.pods += more
	if u.Volume != "" {
		f.mounts += more
	}
}

// eachUse goes through what a pod needs of which it is known whether it is there.
func eachUse(p *model.Pod, do func(configKey, *model.ConfigUse)) {
	p.Spec.EachConfig(func(u *model.ConfigUse) {
		if u.Known {
			do(configKey{u.Kind, p.Namespace, u.Name}, u)
		}
	})
}

// read is what the kubelet finds, nil if there is none, or why it finds nothing out.
func (k *Kubelet) read(key configKey, now sim.Time) (c *model.Config, why string) {
	f := k.configs[key]
	if f.kept {
		return f.seen, ""
	}
	if f.toldAt == sim.Never || f.mounts == 0 && now >= k.lookAfter(max(f.toldAt, f.readAt.Add(idleAfter))) {
		k.watch(key, f)
	}
	f.readAt = now
	if f.toldAt > now.Add(tellsWithin) {
		return nil, "failed to sync " + key.kind.Short() + " cache: timed out waiting for the condition"
	}
	k.refresh(key, f)
	f.kept = f.seen != nil && f.seen.Immutable
	return f.seen, ""
}

// lookAfter is the first look for idle watches after a time.
func (k *Kubelet) lookAfter(t sim.Time) sim.Time {
	return k.startedAt.Add((t.Sub(k.startedAt)/syncEvery + 1) * syncEvery)
}

// missing is why a use of a ConfigMap or a Secret fails, "" if it does not (pkg/volume/configmap/configmap.go,
// pkg/volume/secret/secret.go, pkg/kubelet/kubelet_pods.go makeEnvironmentVariables).
func (k *Kubelet) missing(p *model.Pod, u *model.ConfigUse, now sim.Time) string {
	if !u.Known {
		return ""
	}
	c, why := k.read(configKey{u.Kind, p.Namespace, u.Name}, now)
	switch {
	case why != "" || u.Optional:
		return why
	case c == nil:
		return fmt.Sprintf("%s %q not found", u.Kind.Short(), u.Name)
	}
	for _, key := range u.Keys {
		if _, there := slices.BinarySearch(c.Keys, key); there {
			continue
		}
		switch {
		case u.Volume == "":
			return fmt.Sprintf("couldn't find key %v in %v %v/%v", key, u.Kind, p.Namespace, u.Name)
		case u.Kind == model.KindConfigMap:
			return "configmap references non-existent config key: " + key
		}
		return "references non-existent secret key: " + key
	}
	return ""
}

// configs is how far the volumes of a pod's ConfigMaps and Secrets are.
type configs uint8

const (
	configsUnread  configs = iota
	configsMissing         // some cannot be mounted; the next try is under way
	configsThere
)

// mountConfigs tries to mount them, and again later if that fails, as the kubelet does whatever the pod's
// worker waits for.
func (k *Kubelet) mountConfigs(r *row, now sim.Time) {
	if r.configs = configsThere; len(r.pod.Spec.Configs) == 0 {
		return
	}
	k.eachMissing(r, now, func(volume, why string) {
		r.configs = configsMissing
		k.client.Note(r.face(), true, "FailedMount", fmt.Sprintf("MountVolume.SetUp failed for volume %q : %s", volume, why))
	})
	if r.configs == configsMissing {
		k.kernel.Post(now.Add(r.configsFailed.another()), k.self, whyConfig, k.aboutPod(r))
	}
}

// eachMissing goes through the volumes that lack something, and why: of a projected one it may be
// several things (pkg/volume/projected/projected.go collectData).
func (k *Kubelet) eachMissing(r *row, now sim.Time, do func(volume, why string)) {
	list := r.pod.Spec.Configs
	for i := 0; i < len(list); {
		volume, why := list[i].Volume, []string(nil)
		for ; i < len(list) && list[i].Volume == volume; i++ {
			if one := k.missing(r.pod, &list[i], now); one != "" {
				why = append(why, one)
			}
		}
		switch len(why) {
		case 0:
		case 1:
			do(volume, why[0])
		default:
			do(volume, "["+strings.Join(why, ", ")+"]")
		}
	}
}

// configDue is the next try.
func (k *Kubelet) configDue(now sim.Time, about uint64) {
	r := k.awaited(about)
	if r == nil || r.ends() || r.configs != configsMissing {
		return
	}
	if k.mountConfigs(r, now); r.configs == configsThere && r.doing == attaching {
		k.verify(r, now)
	}
}

// misconfigured tells whether a container whose image is here cannot be created, as its environment lacks
// something or it is to run as root and must not; its pass goes on without it
// (kuberuntime_container.go startContainer). The same is told once in a row.
func (k *Kubelet) misconfigured(r *row, i int) bool {
	c, why := &r.containers[i], k.unconfigurable(r.pod, containerOf(r.pod.Spec, i))
	if why == "" {
		return false
	}
	if hash := uint32(sim.HashName(why)); c.reason != configError || c.wrong != hash {
		c.wrong = hash
		k.unstarted(r, i, false)
		k.client.Note(r.face(), true, "Failed", "Error: "+why)
	}
	c.reason = configError
	return true
}

// unconfigurable is why a kubelet cannot say how a container is to be created, "" if it can
// (kuberuntime_container.go generateContainerConfig, security_context_others.go verifyRunAsNonRoot).
func (k *Kubelet) unconfigurable(p *model.Pod, c *model.Container) string {
	for j := range c.Env {
		if why := k.missing(p, &c.Env[j], k.kernel.Now()); why != "" {
			return why
		}
	}
	if c.RootDenied {
		return fmt.Sprintf("container's runAsUser breaks non-root policy (pod: %q, container: %s)", p.Name+"_"+p.Namespace, c.Name)
	}
	return ""
}
