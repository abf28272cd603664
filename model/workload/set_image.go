package workload

import (
	"fmt"
	"slices"

	"orrery/model"
	"orrery/model/store"
)

// runSetImage changes the template of what makes pods, if it has the container.
func runSetImage(u *Kubectl, a *task, target model.Object) {
	p := setImage{a.Container, a.Image}
	if _, err := p.index((*model.TemplateOf(target)).Spec); err != nil {
		u.fail(a, err.Error())
		return
	}
	u.ask(call{task: a, op: store.OpPatch, target: target.Head().Ref(), patch: p})
}

type setImage struct{ container, image string }

// index is where the container is; with no name, the only one.
func (p setImage) index(spec *model.PodSpec) (int, error) {
	if p.container == "" {
		if len(spec.Containers) != 1 {
			return 0, fmt.Errorf("it has %d containers: say which one", len(spec.Containers))
		}
		return 0, nil
	}
	i := slices.IndexFunc(spec.Containers, func(c model.Container) bool { return c.Name == p.container })
	if i < 0 {
		return 0, fmt.Errorf("unable to find container named %q", p.container)
	}
	return i, nil
}

// Apply implements store.Patch. The pull policy stays: the API server defaults
// it from the image only when the object is created.
func (p setImage) Apply(cur model.Object) model.Object {
	old := *model.TemplateOf(cur)
	i, err := p.index(old.Spec)
	if err != nil || old.Spec.Containers[i].Image == p.image {
		return cur
	}
	spec := *old.Spec
	spec.Containers = slices.Clone(spec.Containers)
	spec.Containers[i].Image = p.image
	t := &model.Template{Labels: old.Labels, Spec: &spec, Rest: old.Rest}
	t.Hash = t.ComputeHash()
	next := cur.Copy()
	*model.TemplateOf(next) = t
	next.Head().Generation++
	return next
}
