package scenarios

import (
	"fmt"

	"orrery/model"
	"orrery/scenarios/manifest"
)

// store makes the classes of storage and CSI objects of a set the run's: they are
// there from the beginning, whenever their manifest is applied. Only a run in which
// storage is spoken of has any.
func (l *loader) store(set *manifest.Set) {
	s := set.Storage()
	spoken := set.Ephemeral() || len(s.Classes)+len(s.Limits)+len(s.Attachments)+len(s.Capacities)+len(s.Drivers) > 0
	for _, o := range set.Objects {
		switch o := o.(type) {
		case *model.Claim, *model.Volume:
			spoken = true
		case *model.StatefulSet:
			spoken = spoken || len(o.Claims) > 0
		}
	}
	if spoken {
		l.storage().Add(s)
	}
}

// storage is the run's.
func (l *loader) storage() *model.Storage {
	if c := &l.scenario.Config.Scheduler; c.Storage == nil {
		c.Storage = &model.Storage{}
	}
	return l.scenario.Config.Scheduler.Storage
}

// assumeClaims makes up the claims that pods of a snapshot use and the snapshot
// does not show: kubectl get pods prints none, and those pods ran. Their volumes
// can be reached from everywhere.
func (l *loader) assumeClaims(objects []model.Object) []model.Object {
	there := map[string]bool{}
	for _, o := range objects {
		if c, ok := o.(*model.Claim); ok {
			there[c.Key()] = true
		}
	}
	var made []model.Object
	for _, g := range l.known.pods {
		if g.spec.Placement == nil {
			continue
		}
		for _, u := range g.spec.Placement.Claims {
			if u.Ephemeral {
				continue // it is made for the pod
			}
			c := &model.Claim{
				Meta:   model.Meta{Kind: model.KindPersistentVolumeClaim, Namespace: g.namespace, Name: u.Name},
				Volume: "assumed-" + g.namespace + "-" + u.Name, Bound: true, Phase: model.ClaimBound,
			}
			if there[c.Key()] {
				continue
			}
			there[c.Key()] = true
			x := &model.Volume{Meta: model.Meta{Kind: model.KindPersistentVolume, Name: c.Volume}, Claim: c.Key(), Retain: true, Phase: model.VolumeBound}
			made = append(made, c, x)
			l.scenario.Notes = append(l.scenario.Notes, fmt.Sprintf("persistentvolumeclaim %s is not in the snapshot: taken for one that every node can reach", c.Key()))
			l.storage()
		}
	}
	return append(made, objects...)
}
