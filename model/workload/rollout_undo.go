package workload

import (
	"cmp"
	"fmt"
	"slices"

	"orrery/model"
	"orrery/model/store"
)

// runRolloutUndo gives a workload the template of an earlier revision: the one
// before, or the one that is named. Which there are, its ReplicaSets or its
// ControllerRevisions say (k8s.io/kubectl/pkg/polymorphichelpers/rollback.go).
func runRolloutUndo(u *Kubectl, a *task, target model.Object) {
	if d, ok := target.(*model.Deployment); ok && d.Paused {
		u.fail(a, fmt.Sprintf("error: you cannot rollback a paused deployment; resume it first with 'kubectl rollout resume deployment/%s' and try again", d.Name))
		return
	}
	kind, m := revisionKind(target), target.Head()
	if why := a.client.May(store.Read{Right: store.RightList, Kind: kind, Namespace: m.Namespace}); why != store.Accepted {
		u.fail(a, fmt.Sprintf("Error from server (%v): %s is forbidden: cannot list resource %q in the namespace %q", why, kind.Resource(), kind.Short()+"s", m.Namespace))
		return
	}
	history := u.revisions(kind, target)
	if len(history) == 0 || a.Revision == 0 && len(history) < 2 {
		u.fail(a, fmt.Sprintf("error: no rollout history found for %s %q", target.Head().Kind.Short(), target.Head().Name))
		return
	}
	to := &history[max(len(history)-2, 0)]
	if a.Revision > 0 {
		i := slices.IndexFunc(history, func(r revision) bool { return r.number == a.Revision })
		if i < 0 {
			u.fail(a, fmt.Sprintf("error: unable to find specified revision %d in history", a.Revision))
			return
		}
		to = &history[i]
	}
	if to.template.Hash == (*model.TemplateOf(target)).Hash {
		return // "skipped rollback (current template already matches revision ...)"
	}
	u.ask(call{task: a, op: store.OpPatch, target: target.Head().Ref(), patch: undo{to.template}})
}

// revision is one that a workload had.
type revision struct {
	number   int64
	template *model.Template
}

// revisionKind is what keeps a workload's revisions.
func revisionKind(of model.Object) model.Kind {
	if of.Head().Kind == model.KindDeployment {
		return model.KindReplicaSet
	}
	return model.KindControllerRevision
}

// revisions is those of a workload that are still known, the newest last.
func (u *Kubectl) revisions(kind model.Kind, of model.Object) (out []revision) {
	owner := of.Head().Ref()
	u.store.Snapshot().Each(kind, func(o model.Object) bool {
		if o.Head().Owner != owner {
			return true
		}
		switch o := o.(type) {
		case *model.ReplicaSet:
			out = append(out, revision{o.Revision, o.Template})
		case *model.ControllerRevision:
			out = append(out, revision{o.Revision, o.Template})
		}
		return true
	})
	slices.SortStableFunc(out, func(a, b revision) int { return cmp.Compare(a.number, b.number) })
	return out
}

// undo is the template that a workload had.
type undo struct{ template *model.Template }

// Apply implements store.Patch. A ReplicaSet's template has its hash for a label,
// which the Deployment's has not.
func (p undo) Apply(cur model.Object) model.Object {
	t := *p.template
	t.Labels = slices.DeleteFunc(slices.Clone(t.Labels), func(l model.Label) bool { return l.Key == model.LabelTemplateHash })
	next := cur.Copy()
	*model.TemplateOf(next) = &t
	next.Head().Generation++
	return next
}
