package model

import "slices"

// Finalizers is who has something to do before an object may go; nil is nobody.
type Finalizers struct{ Names []string }

// MakeFinalizers is those with these names.
func MakeFinalizers(names []string) *Finalizers {
	if len(names) == 0 {
		return nil
	}
	return &Finalizers{names}
}

// List is their names, in the order in which they came.
func (f *Finalizers) List() []string {
	if f == nil {
		return nil
	}
	return f.Names
}

// finalizers is those that a pod has then. One that is going gets no new ones
// (k8s.io/apimachinery/pkg/api/validation/objectmeta.go
// ValidateObjectMetaAccessorUpdate).
func (p *PodPatch) finalizers(cur *Pod) *Finalizers {
	switch {
	case p.AllFinalized:
		return nil
	case len(p.Finalized)+len(p.Finalizers) == 0:
		return cur.Finalizers
	}
	out := slices.DeleteFunc(slices.Clone(cur.Finalizers.List()), func(f string) bool { return slices.Contains(p.Finalized, f) })
	for _, f := range p.Finalizers {
		if !slices.Contains(out, f) && !cur.Deleting() {
			out = append(out, f)
		}
	}
	return MakeFinalizers(out)
}
