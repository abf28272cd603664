package apiserver_test

import (
	"testing"

	"orrery/model"
	"orrery/model/store"
)

// Source: k8s.io/pod-security-admission/admission/admission.go.
func TestANamespaceEnforcesItsPodSecurityStandard(t *testing.T) {
	c := newCaller(t, "user", 4)
	for _, level := range append(model.SecurityLevels, "") {
		n := &model.Namespace{Meta: model.Meta{Kind: model.KindNamespace, Name: "ns-" + level}}
		if level == "" {
			n.Name = "ns"
		} else {
			n.Labels = model.Labels{{Key: model.LabelEnforce, Value: level}}
		}
		c.create(n)
		for i, x := range []struct {
			security *model.PodSecurity
			refused  []string
		}{
			{nil, nil},
			{&model.PodSecurity{Restricted: "a"}, []string{"restricted"}},
			{&model.PodSecurity{Baseline: "b", Restricted: "b, a"}, []string{"baseline", "restricted"}},
		} {
			p := newPod("web-" + string(rune('0'+i)))
			p.Namespace, p.Spec.Security = n.Name, x.security
			c.client.Create(p, 0)
			r := c.answer()
			refused := false
			for _, l := range x.refused {
				refused = refused || l == level
			}
			if (r.Refusal == store.Forbidden) != refused {
				t.Errorf("%q, %+v: %v %s", level, x.security, r.Refusal, r.Message)
			}
			if level == "restricted" && i == 2 && r.Message != `pods "web-2" is forbidden: violates PodSecurity "restricted:latest": b, a` {
				t.Errorf("it says %q", r.Message)
			}
		}
	}
}
