package fault

import (
	"slices"
	"strings"
	"time"

	"orrery/model"
	"orrery/model/store"
)

// watchLag makes what a component watches arrive late: an API server whose watch
// cache cannot keep up, a client that is slow to read. What the component writes is
// not late, nor are leases. A kube-proxy that carries its first request later is not
// late.
type watchLag struct {
	whose func(*store.Client) bool
	kinds []model.Kind
	by    time.Duration
}

func (f *watchLag) begin(d *Director, s *Spec, nodes []model.Object) (string, bool) {
	component := s.Component
	f.whose = func(c *store.Client) bool { return c.As.Component == component }
	if component == kubelet {
		f.whose = kubeletOf(nodes)
	}
	f.kinds, f.by = s.Kinds, s.By
	if d.world.Truth().Delay(f.whose, f.late, f.by) == 0 {
		return component + " watches nothing of that", false
	}
	what := "what it watches"
	if len(f.kinds) > 0 {
		var names []string
		for _, k := range f.kinds {
			names = append(names, k.Short()+"s")
		}
		what = "what it watches of " + strings.Join(names, ", ")
	}
	return component + " sees " + what + " " + f.by.String() + " late", true
}

func (f *watchLag) late(k model.Kind) bool { return len(f.kinds) == 0 || slices.Contains(f.kinds, k) }

func (f *watchLag) end(d *Director) { d.world.Truth().Delay(f.whose, f.late, -f.by) }
