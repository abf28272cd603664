package apiserver

import (
	"orrery/model"
	"orrery/model/store"
)

// protect puts the finalizer on a claim or volume that is created
// (plugin/pkg/admission/storage/storageobjectinuseprotection/admission.go), and on an
// attachment the one that its driver puts there when it begins.
func protect(o model.Object) {
	switch o := o.(type) {
	case *model.Claim:
		o.Protected = true
	case *model.Volume:
		o.Protected = true
	case *model.VolumeAttachment:
		o.Protected = true
	}
}

// protected tells whether a finalizer keeps an object that is asked to go.
func protected(o model.Object) bool {
	switch o := o.(type) {
	case *model.Claim:
		return o.Protected
	case *model.Volume:
		return o.Protected
	case *model.VolumeAttachment:
		return o.Protected
	case *model.Pod:
		return o.Finalizers != nil
	}
	return false
}

// released tells whether the last finalizer of an object that is asked to go is
// taken off.
func released(o model.Object) bool {
	switch o := o.(type) {
	case *model.Claim, *model.Volume, *model.VolumeAttachment:
		return o.Head().Deleting() && !protected(o)
	case *model.Pod:
		return o.Deleting() && o.GraceSeconds == 0 && !protected(o)
	}
	return false
}

// ask asks an object with a finalizer to go: who put it there lets it.
func (a *Server) ask(r *store.Request, cur model.Object) (store.Refusal, model.Object) {
	if cur.Head().Deleting() {
		return store.Accepted, cur
	}
	next := cur.Copy()
	next.Head().DeletionAt = a.kernel.Now()
	next.Head().Generation++
	a.store.Update(r.Client.Actor, next)
	return store.Accepted, next
}
