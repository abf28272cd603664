package manifest

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"

	"orrery/model"
)

// standards is Kubernetes' own checks of the Pod Security Standards, of the
// newest version.
var standards = func() policy.Evaluator {
	e, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		panic("manifest: the checks of pod security: " + err.Error())
	}
	return e
}()

// security is what a pod's spec has against the Pod Security Standards.
func security(s *corev1.PodSpec, annotations map[string]string) *model.PodSecurity {
	violates := func(level api.Level) string {
		found := policy.AggregateCheckResults(standards.EvaluatePod(api.LevelVersion{Level: level, Version: api.LatestVersion()}, &metav1.ObjectMeta{Annotations: annotations}, s))
		if found.Allowed {
			return ""
		}
		return found.ForbiddenDetail()
	}
	x := &model.PodSecurity{Baseline: violates(api.LevelBaseline), Restricted: violates(api.LevelRestricted)}
	if *x == (model.PodSecurity{}) {
		return nil
	}
	return x
}
