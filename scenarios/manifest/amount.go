package manifest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"orrery/model"
	"orrery/scenarios/strict"
)

// The most of anything that a machine can have or a container can ask for: far
// beyond what exists, and far from overflow in sums and in scores.
const (
	maxCPUMilli = 1_000_000 * 1000
	maxBytes    = 1 << 50
	maxCount    = 1 << 40
)

// amounts makes a list of quantities ours. CPU is rounded up to thousandths of a
// core, all else to whole units, as Quantity.MilliValue and Value do in
// kube-scheduler (pkg/scheduler/framework/types.go Resource.Add).
func amounts(p *place, list corev1.ResourceList) model.Resources {
	var r model.Resources
	for _, name := range sortedNames(list) {
		q := list[corev1.ResourceName(name)]
		at := p.field(name)
		switch corev1.ResourceName(name) {
		case corev1.ResourceCPU:
			r.CPUMilli = amount(at, q, maxCPUMilli, (*resource.Quantity).MilliValue)
		case corev1.ResourceMemory:
			r.MemoryBytes = amount(at, q, maxBytes, (*resource.Quantity).Value)
		case corev1.ResourceEphemeralStorage:
			r.EphemeralBytes = amount(at, q, maxBytes, (*resource.Quantity).Value)
		case corev1.ResourcePods:
			r.Pods = amount(at, q, MaxPods, (*resource.Quantity).Value)
		default:
			n := amount(at, q, max(maxCount, maxBytes), (*resource.Quantity).Value)
			if n > 0 {
				r.Extended = append(r.Extended, model.Extended{Name: name, Count: n})
			}
		}
	}
	return r
}

// sortedNames is the names of a list in their order.
func sortedNames(list corev1.ResourceList) []string {
	names := make([]string, 0, len(list))
	for name := range list { //tidy:sorted below
		names = append(names, string(name))
	}
	slices.Sort(names)
	return names
}

func amount(p *place, q resource.Quantity, most int64, value func(*resource.Quantity) int64) int64 {
	if q.Sign() < 0 {
		p.errorf("%s is negative: write 0 or more", q.String())
		return 0
	}
	if q.CmpInt64(most) > 0 || value(&q) > most {
		p.errorf("%s is more than anybody has: at most %d", strict.Quote(q.String()), most)
		return 0
	}
	return value(&q)
}

// requirements reads what a container asks for. What it does not request, it
// requests as much as it is limited to (pkg/apis/core/v1/defaults.go
// SetDefaults_Pod).
func requirements(p *place, r *corev1.ResourceRequirements) (requests, limits model.Resources) {
	for _, part := range []struct {
		name string
		list corev1.ResourceList
	}{{"requests", r.Requests}, {"limits", r.Limits}} {
		for _, name := range sortedNames(part.list) {
			checkResource(p.field(part.name).field(name), name)
		}
	}
	requested := corev1.ResourceList{}
	for name, q := range r.Limits { //tidy:commutative every name is written once
		requested[name] = q
	}
	for name, q := range r.Requests { //tidy:commutative every name is written once
		requested[name] = q
	}
	requests, limits = amounts(p.field("requests"), requested), amounts(p.field("limits"), r.Limits)
	for _, name := range sortedNames(r.Requests) {
		limit, limited := r.Limits[corev1.ResourceName(name)]
		q := r.Requests[corev1.ResourceName(name)]
		switch {
		case limited && q.Cmp(limit) != 0 && unshared(name):
			p.field("requests").field(name).errorf("%s must be equal to the limit %s: %s cannot be shared", q.String(), limit.String(), name)
		case limited && q.Cmp(limit) > 0:
			p.field("requests").field(name).errorf("%s is more than the limit %s", q.String(), limit.String())
		case !limited && unshared(name):
			p.field("requests").field(name).errorf("%s needs a limit, equal to the request: it cannot be shared", name)
		}
	}
	return requests, limits
}

// noteFractions tells of parts of a byte, of which the API server warns, too
// (pkg/api/pod/warnings.go): whoever writes 64m of memory means another unit.
func (o *object) noteFractions(p *place, list corev1.ResourceList) {
	for _, name := range [...]corev1.ResourceName{corev1.ResourceMemory, corev1.ResourceEphemeralStorage} {
		if q, said := list[name]; said && q.Sign() > 0 && q.MilliValue()%1000 != 0 {
			at := p.field(string(name))
			o.note(at, fmt.Sprintf("%s: fractional byte value %q, which counts as %s: m is a thousandth, write Mi or M", at.path(), q.String(), model.Counted(q.Value(), "byte")))
		}
	}
}

// says tells whether anything is said of a resource, be it 0.
func says(r *corev1.ResourceRequirements, name corev1.ResourceName) bool {
	_, requested := r.Requests[name]
	_, limited := r.Limits[name]
	return requested || limited
}

// isExtended tells whether the resource is one that Kubernetes itself does not
// know, and therefore not overcommitted.
func isExtended(name string) bool { return strings.Contains(name, "/") }

// unshared tells whether nobody may ask for less of a resource than they may have: extended
// ones and huge pages (pkg/apis/core/helper/helpers.go IsOvercommitAllowed).
func unshared(name string) bool {
	return isExtended(name) || strings.HasPrefix(name, corev1.ResourceHugePagesPrefix)
}

// checkResource refuses the names that a container cannot ask for
// (pkg/apis/core/validation ValidateContainerResourceName).
func checkResource(p *place, name string) {
	known := []string{"cpu", "memory", "ephemeral-storage"}
	if unshared(name) || slices.Contains(known, name) {
		return
	}
	p.errorf("is no resource of containers%s", cmp.Or(strict.DidYouMean(name, known), "; others have a domain in front, such as nvidia.com/gpu"))
}
