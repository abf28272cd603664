package manifest

import (
	"slices"
	"strings"

	"orrery/model"
)

// jobTracking is the finalizer that the Job controller puts on its pods, whose
// bookkeeping the model has elsewhere (pkg/apis/batch/types.go
// JobTrackingFinalizer).
const jobTracking = "batch.kubernetes.io/job-tracking"

// finalizers is those of a pod: each "domain/name"
// (k8s.io/apimachinery/pkg/api/validation/objectmeta.go ValidateFinalizerName).
func finalizers(p *place, names []string) *model.Finalizers {
	var out []string
	for _, name := range names {
		domain, word, found := strings.Cut(name, "/")
		switch {
		case name == jobTracking, slices.Contains(out, name):
			continue
		case !found || domain == "" || word == "":
			p.errorf("%q is no finalizer of a pod: write a domain in front, such as example.com/%s", name, name)
		}
		out = append(out, name)
	}
	return model.MakeFinalizers(out)
}
