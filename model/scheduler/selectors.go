package scheduler

import (
	"slices"

	"orrery/model"
)

// selectors is what Services and controllers say about which pods belong
// together; pods without spread constraints of their own are spread by it.
type selectors struct {
	services map[string][]*model.Service // by namespace, in the order of their IDs
	owners   map[model.Ref]*model.Selector
	version  uint64
}

func newSelectors() selectors {
	return selectors{services: map[string][]*model.Service{}, owners: map[model.Ref]*model.Selector{}}
}

// setService takes a version of a Service, nil if it is gone.
func (c *cache) setService(id uint32, namespace string, next *model.Service) {
	list := c.selectors.services[namespace]
	i, found := slices.BinarySearchFunc(list, id, func(s *model.Service, id uint32) int { return int(s.ID) - int(id) })
	switch {
	case found && next != nil && sameSelector(list[i].Selector, next.Selector):
		list[i] = next
		return
	case found && next != nil:
		list[i] = next
	case found:
		list = slices.Delete(list, i, i+1)
	case next != nil:
		list = slices.Insert(list, i, next)
	default:
		return
	}
	c.selectors.services[namespace] = list
	c.selectorsChanged()
}

// setOwner takes the selector of a pods' controller, nil if that is gone.
func (c *cache) setOwner(ref model.Ref, next *model.Selector) {
	if sameSelector(c.selectors.owners[ref], next) {
		return
	}
	if c.selectors.owners[ref] = next; next == nil {
		delete(c.selectors.owners, ref)
	}
	c.selectorsChanged()
}

func (c *cache) selectorsChanged() {
	c.selectors.version++
	c.changes++
}

func sameSelector(a, b *model.Selector) bool {
	if a == nil || b == nil {
		return a == b
	}
	return slices.EqualFunc(a.Requirements, b.Requirements, func(x, y model.Requirement) bool {
		return x.Key == y.Key && x.Op == y.Op && slices.Equal(x.Values, y.Values)
	})
}

// of is what selects the pods that belong together with this one: all that its
// Services and its controller ask for; nil if they ask for nothing
// (pkg/scheduler/framework/plugins/helper/spread.go DefaultSelector).
func (s *selectors) of(pod *model.Pod) *model.Selector {
	var labels model.Labels
	for _, x := range s.services[pod.Namespace] {
		if !x.Selector.Matches(pod.Labels) {
			continue
		}
		for _, r := range x.Selector.Requirements {
			labels = labels.With(r.Key, r.Values[0])
		}
	}
	out := model.SelectorOf(labels)
	if o := s.owners[pod.Owner]; o != nil {
		out.Requirements = append(out.Requirements, o.Requirements...)
	}
	if len(out.Requirements) == 0 {
		return nil
	}
	return out
}
