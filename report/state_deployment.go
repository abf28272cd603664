package report

import (
	"slices"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

type deployment struct {
	scope
	object    *model.Deployment // nil once deleted
	revisions []*revision
	newest    *revision // the one of the current template, nil if there is none yet
	lacking   bool      // fewer pods available than wanted
	unsettled bool
	whole     bool      // has had all its pods once
	rolling   *revision // the newest revision that was seen
	rollout   bool      // from an older revision to rolling
}

// revision is a ReplicaSet.
type revision struct {
	scope
	object     *model.ReplicaSet
	deployment *deployment // nil for one on its own
	vacant     []sim.Time  // for each evicted pod not replaced yet, when the trouble began
}

func (s *state) takeDeployment(r *store.Record) {
	m := r.Object().Head()
	row := s.byID.Row(m.ID)
	if *row == nil {
		*row = &deployment{scope: scope{kind: model.KindDeployment, path: m.Path()}}
		s.named[m.Path()] = &(*row).scope
		s.deployments = append(s.deployments, *row)
	}
	d := *row
	old := d.object
	d.object, _ = r.New.(*model.Deployment)
	if d.object != nil && (old == nil || old.Template != d.object.Template) {
		d.newest = nil
		for _, rev := range d.revisions {
			d.adopt(rev)
		}
	}
	s.settle(d)
}

func (s *state) takeReplicaSet(r *store.Record) {
	m := r.Object().Head()
	row := s.revisions.Row(m.ID)
	if *row == nil {
		rev := &revision{scope: scope{kind: model.KindReplicaSet, path: m.Path()}}
		*row = rev
		s.named[m.Path()] = &rev.scope
		if m.Owner.Kind == model.KindDeployment {
			rev.deployment = *s.byID.Row(m.Owner.ID)
		}
		if rev.deployment != nil {
			rev.deployment.revisions = append(rev.deployment.revisions, rev)
		}
	}
	rev := *row
	rev.object, _ = r.New.(*model.ReplicaSet)
	if d := rev.deployment; d != nil {
		if rev.object == nil && d.newest == rev {
			d.newest = nil
		}
		d.adopt(rev)
		s.settle(d)
	}
}

// adopt makes rev the newest revision if its template is the Deployment's.
func (d *deployment) adopt(rev *revision) {
	if rev.object == nil || d.object == nil || rev.object.Template == nil || d.object.Template == nil {
		return
	}
	if rev.object.Template == d.object.Template || rev.object.Template.Hash == d.object.Template.Hash {
		d.newest = rev
	}
}

func (d *deployment) desired() int64 {
	if d.object == nil {
		return 0
	}
	return int64(d.object.Replicas)
}

// upToDate is of how many pods of the newest template f holds.
func (d *deployment) upToDate(f fact) int64 {
	if d.newest == nil {
		return 0
	}
	return d.newest.now[f]
}

// complete tells whether a Deployment has all its pods, available and of the
// newest template, and no other. One that was deleted is once its pods are
// gone (DeploymentComplete in pkg/controller/deployment/util/deployment_util.go).
func (d *deployment) complete() bool {
	return d.upToDate(isAvailable) == d.desired() && d.now[isActive] == d.desired()
}

func (d *deployment) missing() int64 { return max(0, d.desired()-d.now[isAvailable]) }

func (d *deployment) surplus() int64 { return max(0, d.now[isActive]-d.desired()) }

// settle looks at a Deployment after something about it changed.
func (s *state) settle(d *deployment) {
	unsettled := !d.complete()
	switch {
	case unsettled && !d.unsettled:
		s.unsettled++
	case !unsettled && d.unsettled:
		s.unsettled--
	}
	d.unsettled = unsettled
	s.roll(d)
	if lacking := d.missing() > 0; lacking != d.lacking {
		d.lacking = lacking
		what := deploymentWhole
		switch {
		case lacking:
			what = deploymentLacking
		case d.object == nil:
			what = deploymentGone
		case !d.whole:
			what, d.whole = deploymentUp, true
		}
		s.tell(news{what: what, subject: d.path, deployment: d})
	}
}

// roll notices when a Deployment begins to replace one revision by another,
// and when it is through.
func (s *state) roll(d *deployment) {
	if d.newest != nil && d.newest != d.rolling {
		if d.rolling != nil {
			d.rollout = true
			s.tell(news{what: rolloutBegan, subject: d.path, deployment: d})
		}
		d.rolling = d.newest
	}
	if d.object == nil {
		d.rollout = false
	}
	if d.rollout && !d.unsettled {
		d.rollout = false
		s.tell(news{what: rolloutDone, subject: d.path, deployment: d})
	}
}

func (s *state) deployment(t target) *deployment {
	i := slices.IndexFunc(s.deployments, func(d *deployment) bool { return d.path == t.path() && d.object != nil })
	if i < 0 {
		return nil
	}
	return s.deployments[i]
}
