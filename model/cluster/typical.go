package cluster

import (
	"iter"

	"orrery/model"
	"orrery/model/scheduler"
)

// profile is the scheduler's profile with the pods of this run as those that are
// typical, unless it says whom it takes for that; nil is the default profile.
// Profiles are shared by runs, so it may be a copy.
func (c *Config) profile() *scheduler.Profile {
	if c.Scheduler.Profile == nil || c.Scheduler.Profile.Typical != nil {
		return c.Scheduler.Profile
	}
	p := *c.Scheduler.Profile
	p.Typical = scheduler.TypicalPods(c.Pods())
	return &p
}

// Pods is the specs of the pods that are asked for from the start, and how many
// have each.
func (c *Config) Pods() iter.Seq2[*model.PodSpec, int64] {
	return func(yield func(*model.PodSpec, int64) bool) {
		for i := range c.Arrivals {
			if !yield(c.Arrivals[i].Spec, 1) {
				return
			}
		}
		for _, o := range c.Objects {
			var spec *model.PodSpec
			n := int64(1)
			switch o := o.(type) {
			case *model.Pod:
				spec = o.Spec
			case *model.Deployment:
				spec, n = o.Template.Spec, int64(o.Replicas)
			case *model.ReplicaSet:
				spec, n = o.Template.Spec, int64(o.Replicas)
			}
			if spec != nil && !yield(spec, n) {
				return
			}
		}
	}
}
