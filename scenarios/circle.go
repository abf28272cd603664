package scenarios

import (
	"slices"
	"strings"

	"orrery/model"
	"orrery/model/runtime"
	"orrery/scenarios/strict"
)

// Services may call one another in a circle, each request less than once on the whole: then
// their calls come to a sum. With a call for each request and more they have no end. Where
// CPU or workers limit a service, it overloads; where nothing does, what is sent grows
// without bound, in Kubernetes until something breaks that nobody described.

// ask is calls that pods of one behavior make to pods of another, for each request, in
// thousandths.
type ask struct {
	from, to int
	milli    int64
}

// checkCircles refuses circles of calls that nothing ends. The behaviors are those of the
// list.
func (l *loader) checkCircles(list strict.Value) {
	asks := l.asks()
	const start, rounds = 1_000_000, 10_000
	flows := make([]int64, len(l.scenario.Config.Behaviors))
	for i := range flows {
		flows[i] = start
	}
	for range rounds {
		next := make([]int64, len(flows))
		for _, a := range asks {
			next[a.to] += flows[a.from] * a.milli / 1000
		}
		flows = next
		if most := slices.Max(append(flows, 0)); most == 0 {
			return
		} else if most > start*start {
			break
		}
	}
	for i, n := range flows { // what is left goes round and round
		if calls := list.List()[i].Peek("calls"); n > 0 && calls.Given() {
			calls.Errorf("services call each other in a circle, with one call or more for each request in all, and neither CPU nor workers " +
				"limit them: that never ends. Call less often (per_request), or say cpu per request or workers")
			return
		}
	}
}

// asks is what pods call that nothing limits, of pods that nothing limits.
func (l *loader) asks() (all []ask) {
	behaviors := l.scenario.Config.Behaviors
	if !slices.ContainsFunc(behaviors, func(b runtime.Behavior) bool { return len(b.Calls) > 0 }) {
		return nil
	}
	for _, g := range l.known.pods {
		for _, from := range l.unlimited(&g) {
			for _, c := range behaviors[from].Calls {
				service := c.Service[strings.LastIndexByte(c.Service, '.')+1:]
				s := l.known.selectors[reference{model.KindService, c.Namespace, service}.path()]
				for _, h := range l.known.pods {
					if !l.compared() {
						return nil
					}
					if s == nil || h.namespace != c.Namespace || !s.Matches(h.labels) {
						continue
					}
					for _, to := range l.unlimited(&h) {
						a := ask{from, to, c.PerRequestMilli}
						if !slices.Contains(all, a) {
							all = append(all, a)
						}
					}
				}
			}
		}
	}
	return all
}

// unlimited is the behaviors of a pod's containers that handle requests without a limit.
func (l *loader) unlimited(g *podGroup) (all []int) {
	behaviors := l.scenario.Config.Behaviors
	pod := model.Pod{Meta: model.Meta{Kind: model.KindPod, Namespace: g.namespace, Labels: g.labels}, Spec: g.spec}
	for _, x := range g.spec.Lasting() {
		if i := behaviors.Deciding(&pod, x.Name); i >= 0 && behaviors[i].CPUMicroPerRPS == 0 && behaviors[i].Workers == 0 {
			all = append(all, i)
		}
	}
	return all
}
