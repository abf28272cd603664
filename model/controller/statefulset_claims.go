package controller

import (
	"orrery/model"
	"orrery/model/store"
)

// claim plans to make the claims of a pod that are not there
// (stateful_pod_control.go createPersistentVolumeClaims); it is false if one is
// being deleted, whose name is taken.
func (l *setLook) claim(pod string) bool {
	for _, t := range l.set.Claims {
		c := l.claims.claimOf(l.set.Namespace + "/" + t.Name + "-" + pod)
		if c != nil && c.Deleting() {
			return false
		}
		if c != nil {
			continue
		}
		made := *t
		made.Meta = model.Meta{Kind: model.KindPersistentVolumeClaim, Namespace: l.set.Namespace, Name: t.Name + "-" + pod, Labels: t.Labels}
		for _, r := range l.set.Selector.Requirements { // getPersistentVolumeClaims: the selector's labels
			if r.Op == model.In && len(r.Values) == 1 {
				made.Labels = made.Labels.With(r.Key, r.Values[0])
			}
		}
		if l.set.DeleteClaimsWithSet {
			made.Owner = l.set.Ref()
		}
		l.group = 0 // what follows is asked after it
		l.plan.add(call{op: store.OpCreate, object: &made, exists: true, noteOn: l.set, note: model.Note{Reason: "SuccessfulCreate",
			Message: "create Claim " + made.Name + " Pod " + pod + " in StatefulSet " + l.set.Name + " success"}})
	}
	return true
}

// withClaims is the spec of a pod that uses its own claims
// (stateful_set_utils.go updateStorage).
func (l *setLook) withClaims(spec *model.PodSpec, pod string) *model.PodSpec {
	if len(l.set.Claims) == 0 {
		return spec
	}
	own, placement := *spec, model.Placement{}
	if spec.Placement != nil {
		placement = *spec.Placement
	}
	placement.Claims = placement.Claims[:len(placement.Claims):len(placement.Claims)]
	for _, t := range l.set.Claims {
		placement.Claims = append(placement.Claims, model.ClaimUse{Name: t.Name + "-" + pod})
	}
	own.Placement = &placement
	return &own
}

// leave makes the claims of a pod that is one too many the pod's, if they are to go
// with it: the garbage collector deletes them after it
// (stateful_set_utils.go updateClaimOwnerRefForSetAndPod).
func (l *setLook) leave(p *model.Pod) {
	if !l.set.DeleteClaimsWhenDown {
		return
	}
	for _, t := range l.set.Claims {
		c := l.claims.claimOf(l.set.Namespace + "/" + t.Name + "-" + p.Name)
		if c == nil || c.Owner == p.Ref() {
			continue
		}
		next := *c
		next.Owner = p.Ref()
		l.group = 0
		l.plan.add(call{op: store.OpUpdate, object: &next})
	}
}
