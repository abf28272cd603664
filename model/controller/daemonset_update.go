package controller

import (
	"orrery/model"
	"orrery/model/store"
)

// manage finds out which pods are missing and which are too many (manage,
// podsShouldBeOnNode).
func (l *daemonLook) manage() {
	for i := range l.row.nodes {
		n := &l.row.nodes[i]
		switch {
		case n.fit == fitRuns && len(n.pods) == 0:
			l.creates = append(l.creates, i)
		case n.fit == fitNot:
			for _, p := range n.pods {
				if !p.Deleting() {
					l.deletes = append(l.deletes, p)
				}
			}
		default:
			l.settle(i)
		}
	}
	l.deletes = append(l.deletes, l.lost...)
}

// settle looks at a node that has pods and may have one.
func (l *daemonLook) settle(at int) {
	n := &l.row.nodes[at]
	running := make([]*model.Pod, 0, 2)
	for _, p := range n.pods {
		switch {
		case p.Deleting():
		case p.Phase == model.PodFailed:
			l.fail(n, p)
		case p.Phase == model.PodSucceeded:
			l.client.Note(l.d, false, "SucceededDaemonPod", "Found succeeded daemon pod "+p.Namespace+"/"+p.Name+" on node "+n.name+", will try to delete it")
			l.deletes = append(l.deletes, p)
		default:
			running = append(running, p)
		}
	}
	switch {
	case !l.surges() && len(running) > 1:
		l.deletes = append(l.deletes, running[1:]...)
	case l.surges() && len(running) == 0 && n.fit == fitRuns:
		l.creates = append(l.creates, at)
	case l.surges() && len(running) > 1:
		l.relieve(running)
	}
}

// surges tells whether a node may have two pods during an update.
func (l *daemonLook) surges() bool { return !l.d.OnDelete && l.d.MaxSurge.Value > 0 }

// relieve keeps the oldest pod of the new revision and the oldest of an old one,
// until the new one is available or the old one is no longer ready.
func (l *daemonLook) relieve(running []*model.Pod) {
	var fresh, old *model.Pod
	for _, p := range running {
		switch {
		case l.updated(p) && fresh == nil:
			fresh = p
		case !l.updated(p) && old == nil:
			old = p
		default:
			l.deletes = append(l.deletes, p)
		}
	}
	if fresh != nil && old != nil && (!old.IsReady() || l.available(fresh)) {
		l.deletes = append(l.deletes, old)
	}
}

// fail deletes a failed pod, unless it is too soon after the last one on that
// node (failedPodsBackoff).
func (l *daemonLook) fail(n *daemonNode, p *model.Pod) {
	f := l.row.failed.Row(n.id)
	if since := l.now.Sub(f.at); f.delay > 0 && since < f.delay {
		l.recheckIn(f.delay)
		return
	} else if f.delay == 0 || since > 2*daemonFailLast {
		f.delay = daemonFailFirst
	} else {
		f.delay = min(2*f.delay, daemonFailLast)
	}
	f.at = l.now
	l.client.Note(l.d, true, "FailedDaemonPod", "Found failed daemon pod "+p.Namespace+"/"+p.Name+" on node "+n.name+", will try to kill it")
	l.deletes = append(l.deletes, p)
}

// pair is the running pods of a node by revision; it is false if there are
// several of one kind (findUpdatedPodsOnNode).
func (l *daemonLook) pair(n *daemonNode) (fresh, old *model.Pod, ok bool) {
	for _, p := range n.pods {
		into := &old
		if l.updated(p) {
			into = &fresh
		}
		switch {
		case p.Deleting():
		case *into != nil:
			return nil, nil, false
		default:
			*into = p
		}
	}
	return fresh, old, true
}

// roll replaces pods of old revisions (rollingUpdate). Nodes are gone through in
// order of their IDs; the real controller takes them as a map yields them.
func (l *daemonLook) roll() {
	desired := int32(0)
	for i := range l.row.nodes {
		desired += int32(one(l.row.nodes[i].fit == fitRuns))
	}
	surge, unavailable := l.d.MaxSurge.Of(desired, true), l.d.MaxUnavailable.Of(desired, true)
	switch {
	case surge > 0:
		l.rollBySurge(int(surge), int(desired))
	case desired > 0:
		l.rollByDeletion(int(max(1, unavailable)))
	}
}

// rollByDeletion deletes old pods that are not available, and of the others as
// many as may be missing.
func (l *daemonLook) rollByDeletion(most int) {
	missing := 0
	var candidates []*model.Pod
	for i := range l.row.nodes {
		n := &l.row.nodes[i]
		if len(n.pods) == 0 && n.fit != fitRuns {
			continue
		}
		switch fresh, old, ok := l.pair(n); {
		case !ok || (fresh == nil) == (old == nil):
			missing++
		case fresh != nil:
			missing += one(!l.available(fresh))
		case !l.available(old):
			l.deletes = append(l.deletes, old)
		case missing < most:
			candidates = append(candidates, old)
		}
	}
	l.deletes = append(l.deletes, candidates[:min(max(0, most-missing), len(candidates))]...)
}

// rollBySurge makes new pods beside old ones, and deletes the old ones once the
// new ones are available.
func (l *daemonLook) rollBySurge(most, desired int) {
	surged, available := 0, 0
	var candidates []int
	var misplaced []*model.Pod
	for i := range l.row.nodes {
		n := &l.row.nodes[i]
		fresh, old, ok := l.pair(n)
		if !ok {
			surged++
			continue
		}
		for _, p := range []*model.Pod{old, fresh} {
			if p != nil {
				available += one(l.available(p))
				break
			}
		}
		switch {
		case old == nil:
		case fresh == nil && n.fit != fitRuns:
			misplaced = append(misplaced, old)
		case fresh == nil && !l.available(old):
			l.creates = append(l.creates, i)
		case fresh == nil:
			candidates = append(candidates, i)
		case !l.available(old):
			l.deletes = append(l.deletes, old)
		default:
			surged++
			if l.available(fresh) {
				l.deletes = append(l.deletes, old)
			}
		}
	}
	l.deletes = append(l.deletes, misplaced[:min(max(0, available-desired), len(misplaced))]...)
	l.creates = append(l.creates, candidates[:min(max(0, most-surged), len(candidates))]...)
}

// ask plans the creations, in batches of 1, 2, 4 and so on, and then the
// deletions, whatever became of the creations (syncNodes).
func (l *daemonLook) ask() {
	creates, deletes := l.creates[:min(daemonBurst, len(l.creates))], l.deletes[:min(daemonBurst, len(l.deletes))]
	l.row.expect(l.now, len(creates), len(deletes))
	labels := l.d.Template.Labels.With(model.LabelRevision, l.d.Template.Hash)
	for i, at := range creates {
		pod := &model.Pod{
			Meta: model.Meta{Kind: model.KindPod, Namespace: l.d.Namespace, Owner: l.d.Ref(), Labels: labels},
			Spec: l.row.pinned(&l.row.nodes[at]), Finalizers: l.d.Template.Finalizers,
		}
		draw := func() model.Object {
			named := *pod
			l.row.names++
			named.Name = model.GenerateName(l.d.Name, l.names.Draw(l.d.NameHash(), l.row.names))
			return &named
		}
		o := draw()
		l.row.plan.add(call{
			op: store.OpCreate, object: o, redraw: draw, together: i&(i+1) != 0, noteOn: l.d,
			note:     model.Note{Reason: "SuccessfulCreate", Message: "Created pod: " + o.Head().Name},
			failNote: model.Note{Warning: true, Reason: "FailedCreate", Message: "Error creating: "},
		})
	}
	for i, p := range deletes {
		l.view.pods.Row(p.ID).leaving = true
		l.row.plan.add(call{
			op: store.OpDelete, target: p.Ref(), together: i > 0, anyway: true, noteOn: l.d,
			note:     model.Note{Reason: "SuccessfulDelete", Message: "Deleted pod: " + p.Name},
			failNote: model.Note{Warning: true, Reason: "FailedDelete", Message: "Error deleting: "},
		})
	}
}
