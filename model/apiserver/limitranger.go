package apiserver

import (
	"slices"

	"orrery/model"
	"orrery/model/store"
)

// limited finds specs that were given the defaults of a namespace before. The
// version is the newest of its LimitRanges.
//
//tidy:key compared as a whole
type limited struct {
	spec      *model.PodSpec
	namespace string
	version   int64
	ranges    int
}

// resized is the pod of a request that is to be resized, as it is and as it would be; nil
// if the request asks for something else, or the pod is being deleted.
func (a *Server) resized(r *store.Request) (was, next *model.Pod) {
	patch, ok := r.Patch.(*model.PodPatch)
	if r.Op != store.OpPatch || !ok || len(patch.Containers) == 0 {
		return nil, nil
	}
	if was, ok = a.store.Get(r.Target).(*model.Pod); !ok || was.Deleting() {
		return nil, nil
	}
	return was, patch.Apply(was).(*model.Pod)
}

// admitLimits gives a new pod the defaults of the LimitRanges of its namespace,
// and refuses one that asks for too little or too much
// (plugin/pkg/admission/limitranger/admission.go). One that is resized it only refuses:
// what its containers do not name stays so.
func (a *Server) admitLimits(r *store.Request) store.Refusal {
	if a.store.Count(model.KindLimitRange) == 0 {
		return store.Accepted
	}
	pod, isNew := r.Object.(*model.Pod)
	if isNew = isNew && r.Op == store.OpCreate; !isNew {
		if _, pod = a.resized(r); pod == nil {
			return store.Accepted
		}
	}
	key := limited{spec: pod.Spec, namespace: pod.Namespace}
	var ranges []*model.LimitRange
	a.store.Snapshot().Each(model.KindLimitRange, func(o model.Object) bool {
		if l := o.(*model.LimitRange); l.Namespace == pod.Namespace {
			ranges = append(ranges, l)
			key.version, key.ranges = max(key.version, l.ResourceVersion), key.ranges+1
		}
		return true
	})
	if len(ranges) == 0 {
		return store.Accepted
	}
	spec := pod.Spec
	if isNew {
		if spec = a.limited[key]; spec == nil {
			spec = withDefaults(pod.Spec, ranges)
			a.limited[key] = spec
		}
		pod.Spec = spec
	}
	for _, l := range ranges {
		if !within(spec, l.Limits) {
			return store.Forbidden
		}
	}
	return store.Accepted
}

// amounts is a container's or a pod's amounts of the three resources, -1 where
// nothing is said.
type amounts [3]int64

func amountsOf(r *model.Resources) amounts {
	return amounts{said(r.CPUMilli), said(r.MemoryBytes), said(r.EphemeralBytes)}
}

func said(n int64) int64 {
	if n == 0 {
		return -1
	}
	return n
}

// asked is what a container requests; that it wants nothing may be said, too.
func asked(c *model.Container) amounts {
	x := amountsOf(&c.Requests)
	if c.AsksForNoCPU {
		x[0] = 0
	}
	if c.AsksForNoMemory {
		x[1] = 0
	}
	return x
}

// withDefaults is spec, or a copy in which containers have the requests and
// limits that they do not name (mergePodResourceRequirements).
func withDefaults(spec *model.PodSpec, ranges []*model.LimitRange) *model.PodSpec {
	out := *spec
	out.Containers, out.InitContainers = slices.Clone(spec.Containers), slices.Clone(spec.InitContainers)
	changed := false
	for _, l := range ranges {
		for i := range l.Limits {
			if l.Limits[i].Pod {
				continue
			}
			for _, list := range [][]model.Container{out.Containers, out.InitContainers} {
				for j := range list {
					changed = fill(&list[j], &l.Limits[i]) || changed
				}
			}
		}
	}
	if !changed {
		return spec
	}
	out.SumRequests()
	return &out
}

// fill gives one container what it does not name, and tells whether that was
// anything.
func fill(c *model.Container, x *model.LimitRangeItem) bool {
	before, limits := asked(c), limitsOf(c)
	set := func(into *int64, has bool, n int64) bool {
		if has || n == 0 {
			return false
		}
		*into = n
		return true
	}
	changed := set(&c.Limits.CPUMilli, limits[0] >= 0, x.Default.CPUMilli)
	changed = set(&c.Limits.MemoryBytes, limits[1] >= 0, x.Default.MemoryBytes) || changed
	changed = set(&c.Limits.EphemeralBytes, limits[2] >= 0, x.Default.EphemeralBytes) || changed
	changed = set(&c.Requests.CPUMilli, before[0] >= 0, x.DefaultRequest.CPUMilli) || changed
	changed = set(&c.Requests.MemoryBytes, before[1] >= 0, x.DefaultRequest.MemoryBytes) || changed
	return set(&c.Requests.EphemeralBytes, before[2] >= 0, x.DefaultRequest.EphemeralBytes) || changed
}

// within tells whether a pod keeps to all rules (PodValidateLimitFunc).
func within(spec *model.PodSpec, items []model.LimitRangeItem) bool {
	for i := range items {
		x := &items[i]
		for _, list := range [][]model.Container{spec.Containers, spec.InitContainers} {
			for j := range list {
				c := &list[j]
				q, l := asked(c), limitsOf(c)
				if !x.Pod && !keeps(x, q, l) {
					return false
				}
			}
		}
		if x.Pod && !keeps(x, podAmounts(spec, asked), podAmounts(spec, limitsOf)) {
			return false
		}
	}
	return true
}

// podAmounts is what a pod's containers ask for together, of the resources that any
// of them names: the app containers and the sidecars, or what an init container
// needs beside the sidecars before it, if that is more (podRequests, podLimits).
func podAmounts(spec *model.PodSpec, of func(*model.Container) amounts) amounts {
	none := amounts{-1, -1, -1}
	all, sidecars, most := none, none, none
	for i := range spec.Containers {
		all = plus(all, of(&spec.Containers[i]))
	}
	for i := range spec.InitContainers {
		c := &spec.InitContainers[i]
		now := plus(sidecars, of(c))
		if c.Sidecar {
			all, sidecars = plus(all, of(c)), now
		}
		for k := range most {
			most[k] = max(most[k], now[k])
		}
	}
	for k := range all {
		all[k] = max(all[k], most[k])
	}
	return all
}

// plus adds up what is said; who says nothing of a resource adds nothing.
func plus(a, b amounts) amounts {
	for i := range a {
		if b[i] >= 0 {
			a[i] = max(a[i], 0) + b[i]
		}
	}
	return a
}

func limitsOf(c *model.Container) amounts { return amountsOf(&c.Limits) }

// keeps tells whether requests and limits keep to one rule (minConstraint,
// maxConstraint, limitRequestRatioConstraint). The ratio is a fraction there and a
// product here.
func keeps(x *model.LimitRangeItem, requests, limits amounts) bool {
	least, most := amountsOf(&x.Min), amountsOf(&x.Max)
	ratios := amounts{x.Ratio.CPUMilli, x.Ratio.MemoryMilli, x.Ratio.EphemeralMilli}
	for i := range least {
		q, l := requests[i], limits[i]
		switch {
		case least[i] > 0 && (q < least[i] || l >= 0 && l < least[i]):
			return false
		case most[i] > 0 && (l < 0 || l > most[i] || q > most[i]):
			return false
		case ratios[i] > 0 && (q <= 0 || l <= 0 || l/q*1000+l%q*1000/q > ratios[i] || l/q*1000+l%q*1000/q == ratios[i] && l%q*1000%q > 0):
			return false
		}
	}
	return true
}
