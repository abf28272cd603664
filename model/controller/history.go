package controller

import (
	"cmp"
	"slices"
	"strconv"

	"orrery/model"
	"orrery/model/store"
)

// history is the templates an object has had, as ControllerRevisions
// (pkg/controller/history/controller_history.go).
type history struct {
	owner    model.Ref
	template *model.Template
	limit    int32 // revisions beyond those in use that are kept
}

// revisionList is the revisions of an object, oldest first.
func (v *view) revisionList(owner model.Ref) []*model.ControllerRevision {
	var list []*model.ControllerRevision
	for _, id := range *v.revisionsOf[owner.Kind].Row(owner.ID) {
		list = append(list, *v.revisions.Row(id))
	}
	slices.SortStableFunc(list, func(a, b *model.ControllerRevision) int { return cmp.Compare(a.Revision, b.Revision) })
	return list
}

// newest is the revision of the object's template. If there is none it plans to
// make one; if it is not the newest, because somebody went back, it plans to
// raise its number. It returns the revisions as they will be.
func (h *history) newest(p *plan, list []*model.ControllerRevision, owner model.Object) (*model.ControllerRevision, []*model.ControllerRevision) {
	last := len(list) - 1
	next := int64(1)
	if last >= 0 {
		next = list[last].Revision + 1
	}
	for i, r := range list {
		if r.Template.Hash != h.template.Hash {
			continue
		}
		if i == last {
			return r, list
		}
		raised := *r
		raised.Revision = next
		p.add(call{op: store.OpUpdate, object: &raised})
		return &raised, append(slices.Delete(slices.Clone(list), i, i+1), &raised)
	}
	m := owner.Head()
	r := &model.ControllerRevision{
		Meta: model.Meta{
			Kind: model.KindControllerRevision, Namespace: m.Namespace, Name: m.Name + "-" + h.template.Hash, Owner: h.owner, Labels: h.template.Labels,
		},
		Template: h.template, Revision: next,
	}
	p.add(call{op: store.OpCreate, object: r, exists: true})
	return r, append(list, r)
}

// truncate plans to delete the oldest revisions that are not in use.
func (h *history) truncate(p *plan, list []*model.ControllerRevision, live func(*model.ControllerRevision) bool) {
	old := slices.DeleteFunc(slices.Clone(list), live)
	for _, r := range old[:max(0, len(old)-int(h.limit))] {
		p.add(call{op: store.OpDelete, target: r.Ref()})
	}
}

func decimal(n int32) string { return strconv.Itoa(int(n)) }
