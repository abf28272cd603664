package model

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"orrery/sim"
)

// MergePatch is a strategic merge patch of what has a template of pods, as far
// as the model acts on what it says: what is nil, "" or empty stays as it is,
// maps are merged key by key and containers by their names
// (k8s.io/apimachinery/pkg/util/strategicpatch).
type MergePatch struct {
	Labels     []LabelPatch
	Replicas   *int32
	Paused     *bool
	MinReady   *time.Duration // minReadySeconds
	PodLabels  []LabelPatch   // of the template
	Annotated  uint64         // a hash of the template's annotations that change, 0 for none
	Grace      *int32         // terminationGracePeriodSeconds
	Ndots      *int8          // of dnsConfig.options, which a patch replaces as a whole
	Containers []ContainerPatch
}

// LabelPatch sets a label, or takes it away.
type LabelPatch struct {
	Key, Value string
	Gone       bool
}

// ContainerPatch is what a patch says of one container.
type ContainerPatch struct {
	Name             string // "" is the only one
	Init             bool   // it is an init container
	Image            string
	Requests, Limits AmountsPatch
}

// AmountsPatch is the resources that a patch names.
type AmountsPatch struct{ CPUMilli, MemoryBytes *int64 }

// TemplateOf is where an object keeps the template of its pods that rolls out, nil
// if it has none.
func TemplateOf(o Object) **Template {
	switch o := o.(type) {
	case *Deployment:
		return &o.Template
	case *StatefulSet:
		return &o.Template
	case *DaemonSet:
		return &o.Template
	}
	return nil
}

// Apply is a changed copy of cur, or cur itself if the patch says nothing new, or
// what the API server would refuse.
func (p *MergePatch) Apply(cur Object) Object {
	t := *TemplateOf(cur)
	template, err := p.template(t)
	if err != nil || !PodSelectorOf(cur).Matches(template.Labels) {
		return cur
	}
	next := cur.Copy()
	if template.Hash != t.Hash {
		*TemplateOf(next) = template
	}
	changed := template.Hash != t.Hash
	if n := ReplicasOf(next); n != nil {
		changed = put(n, p.Replicas) || changed
	}
	if d, ok := next.(*Deployment); ok {
		changed = put(&d.Paused, p.Paused) || changed
	}
	changed = put(minReadyOf(next), p.MinReady) || changed
	labels := patched(cur.Head().Labels, p.Labels)
	return labelled(cur, next, labels, changed)
}

// Wrong is why the API server, or kubectl before it, refuses the patch of an object
// (pkg/apis/apps/validation, pkg/apis/core/validation); nil if it does not.
func (p *MergePatch) Wrong(cur Object) error {
	if p.Replicas != nil && ReplicasOf(cur) == nil {
		return errors.New(`unknown field "spec.replicas"`)
	}
	if _, is := cur.(*Deployment); p.Paused != nil && !is {
		return errors.New(`unknown field "spec.paused"`)
	}
	t, err := p.template(*TemplateOf(cur))
	if err == nil && !PodSelectorOf(cur).Matches(t.Labels) {
		err = errors.New("spec.template.metadata.labels: `selector` does not match template `labels`")
	}
	return err
}

// template is t with what the patch says of it; t itself if that is nothing.
func (p *MergePatch) template(t *Template) (*Template, error) {
	if len(p.PodLabels) == 0 && p.Annotated == 0 && p.Grace == nil && p.Ndots == nil && len(p.Containers) == 0 {
		return t, nil
	}
	spec := *t.Spec
	put(&spec.GraceSeconds, p.Grace)
	if p.Ndots != nil {
		spec.Ndots = p.Ndots
	}
	spec.Containers = slices.Clone(spec.Containers)
	for i := range p.Containers {
		if err := p.Containers[i].apply(spec.Containers, "spec.template.spec.containers"); err != nil {
			return t, err
		}
	}
	spec.SumRequests()
	next := &Template{Labels: patched(t.Labels, p.PodLabels), Spec: &spec, Finalizers: t.Finalizers, Rest: t.Rest}
	if p.Annotated != 0 {
		// The annotations themselves are not kept: one that says the same again is a
		// change here, and none in Kubernetes.
		next.Rest = sim.HashName(fmt.Sprint(t.Rest, p.Annotated))
	}
	next.Hash = next.ComputeHash()
	return next, nil
}

// apply changes the container of the patch, in the list at a path. What it requests stays, although
// Kubernetes lets a request that no manifest names follow the limit.
func (p *ContainerPatch) apply(list []Container, path string) error {
	i := slices.IndexFunc(list, func(c Container) bool { return c.Name == p.Name })
	switch {
	case p.Name == "" && len(list) == 1:
		i = 0
	case p.Name == "":
		return fmt.Errorf("it has %d containers: say which one", len(list))
	case i < 0:
		return fmt.Errorf("it has no container named %q, and a patch adds none here", p.Name)
	}
	c := &list[i]
	if p.Image != "" {
		c.Image = p.Image // the pull policy was settled when the object was created
	}
	put(&c.Requests.CPUMilli, p.Requests.CPUMilli)
	put(&c.Requests.MemoryBytes, p.Requests.MemoryBytes)
	put(&c.Limits.CPUMilli, p.Limits.CPUMilli)
	put(&c.Limits.MemoryBytes, p.Limits.MemoryBytes)
	c.AsksForNoCPU = c.Requests.CPUMilli == 0 && (c.AsksForNoCPU || p.Requests.CPUMilli != nil)
	c.AsksForNoMemory = c.Requests.MemoryBytes == 0 && (c.AsksForNoMemory || p.Requests.MemoryBytes != nil)
	for _, r := range []struct {
		name           string
		request, limit int64
	}{{"cpu", c.Requests.CPUMilli, c.Limits.CPUMilli}, {"memory", c.Requests.MemoryBytes, c.Limits.MemoryBytes}} {
		if r.limit > 0 && r.request > r.limit {
			return fmt.Errorf("%s[%d].resources.requests: must be less than or equal to %s limit", path, i, r.name)
		}
	}
	return nil
}

// Restore is a patch that gives an object back what it had of what a MergePatch
// changed.
type Restore struct {
	Patch  *MergePatch
	Before Object
}

// Apply is a changed copy of cur, or cur itself.
func (r *Restore) Apply(cur Object) Object {
	next, p, before := cur.Copy(), r.Patch, r.Before
	changed := false
	if old := *TemplateOf(before); old.Hash != (*TemplateOf(cur)).Hash {
		*TemplateOf(next) = old
		changed = true
	}
	if n := ReplicasOf(next); n != nil && p.Replicas != nil {
		changed = put(n, ReplicasOf(before)) || changed
	}
	if d, ok := next.(*Deployment); ok && p.Paused != nil {
		changed = put(&d.Paused, &before.(*Deployment).Paused) || changed
	}
	if p.MinReady != nil {
		changed = put(minReadyOf(next), minReadyOf(before)) || changed
	}
	labels := cur.Head().Labels
	if len(p.Labels) > 0 {
		labels = before.Head().Labels
	}
	return labelled(cur, next, labels, changed)
}

// labelled is a copy of cur that has labels and, if its spec changed, is of the next
// generation; cur itself if neither is news.
func labelled(cur, next Object, labels Labels, changed bool) Object {
	if !changed && slices.Equal(labels, cur.Head().Labels) {
		return cur
	}
	next.Head().Labels = labels
	if changed {
		next.Head().Generation++
	}
	return next
}

// put writes what is said and tells whether that is another value.
func put[T comparable](into, said *T) bool {
	if said == nil || *into == *said {
		return false
	}
	*into = *said
	return true
}

// patched is labels with changes, or labels themselves.
func patched(l Labels, changes []LabelPatch) Labels {
	for _, c := range changes {
		switch v, has := l.Get(c.Key); {
		case c.Gone && has:
			l = slices.DeleteFunc(slices.Clone(l), func(x Label) bool { return x.Key == c.Key })
		case !c.Gone && (!has || v != c.Value):
			l = l.With(c.Key, c.Value)
		}
	}
	return l
}

func minReadyOf(o Object) *time.Duration {
	switch o := o.(type) {
	case *Deployment:
		return &o.MinReady
	case *StatefulSet:
		return &o.MinReady
	case *DaemonSet:
		return &o.MinReady
	}
	panic("model: " + o.Head().Path() + " has no template that rolls out")
}
