package manifest

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"

	"orrery/model"
	"orrery/scenarios/strict"
)

func readServiceAccount(o *object) {
	before := o.set.decoder.wrong
	var in corev1.ServiceAccount
	if !decode(o, &in) {
		return
	}
	automount := in.AutomountServiceAccountToken
	a := &model.ServiceAccount{Meta: o.meta, NoToken: automount != nil && !*automount}
	a.Labels = o.labels(o.root().fields("metadata", "labels"), in.Labels)
	o.keep(before, a)
}

// token tells whether a pod needs no token of its service account, and whether it says so
// itself: by its field, by a volume that has one, or, as a cluster printed it after
// admission (then its account is named), by having no such volume.
func (o *object) token(s *corev1.PodSpec) (none, said bool) {
	printed := o.set.snapshot && o.kind.kind == model.KindPod && s.ServiceAccountName != ""
	for i := range s.Volumes {
		if v := s.Volumes[i].Projected; v != nil && slices.ContainsFunc(v.Sources, func(p corev1.VolumeProjection) bool { return p.ServiceAccountToken != nil }) {
			return false, true
		}
	}
	if a := s.AutomountServiceAccountToken; a != nil && !printed {
		return !*a, true
	}
	return printed, printed
}

func readRole(o *object) {
	before := o.set.decoder.wrong
	var in rbacv1.Role
	if !decode(o, &in) {
		return
	}
	r := &model.Role{Meta: o.meta, Rules: policyRules(o.root().field("rules"), in.Rules)}
	r.Labels = o.labels(o.root().fields("metadata", "labels"), in.Labels)
	o.keep(before, r)
}

func readClusterRole(o *object) {
	before := o.set.decoder.wrong
	var in rbacv1.ClusterRole
	if !decode(o, &in) {
		return
	}
	r := &model.Role{Meta: o.meta, Rules: policyRules(o.root().field("rules"), in.Rules)}
	r.Labels = o.labels(o.root().fields("metadata", "labels"), in.Labels)
	o.keep(before, r)
}

// policyRules follows pkg/apis/rbac/validation/validation.go
// ValidatePolicyRule. Rules about URLs are about nothing that is modeled.
func policyRules(p *place, in []rbacv1.PolicyRule) []model.PolicyRule {
	var out []model.PolicyRule
	for i := range in {
		r, at := &in[i], p.item(i)
		if len(r.Verbs) == 0 {
			at.field("verbs").errorf("is missing")
		}
		if len(r.NonResourceURLs) > 0 {
			continue
		}
		if len(r.APIGroups) == 0 {
			at.field("apiGroups").errorf(`is missing; the core group is ""`)
		}
		if len(r.Resources) == 0 {
			at.field("resources").errorf("is missing")
		}
		out = append(out, model.PolicyRule{Verbs: r.Verbs, APIGroups: r.APIGroups, Resources: r.Resources, ResourceNames: r.ResourceNames})
	}
	return out
}

func readRoleBinding(o *object) {
	before := o.set.decoder.wrong
	var in rbacv1.RoleBinding
	if !decode(o, &in) {
		return
	}
	b := binding(o, in.RoleRef, in.Subjects)
	b.Labels = o.labels(o.root().fields("metadata", "labels"), in.Labels)
	o.keep(before, b)
}

func readClusterRoleBinding(o *object) {
	before := o.set.decoder.wrong
	var in rbacv1.ClusterRoleBinding
	if !decode(o, &in) {
		return
	}
	b := binding(o, in.RoleRef, in.Subjects)
	if b.RoleKind == model.KindRole {
		o.root().fields("roleRef", "kind").unknownWord("Role", "ClusterRole")
	}
	b.Labels = o.labels(o.root().fields("metadata", "labels"), in.Labels)
	o.keep(before, b)
}

// binding follows pkg/apis/rbac/validation/validation.go ValidateRoleBinding.
func binding(o *object, ref rbacv1.RoleRef, subjects []rbacv1.Subject) *model.RoleBinding {
	b := &model.RoleBinding{Meta: o.meta, Role: ref.Name}
	at := o.root().field("roleRef")
	switch ref.Kind {
	case "Role":
		b.RoleKind = model.KindRole
	case "ClusterRole":
		b.RoleKind = model.KindClusterRole
	default:
		at.field("kind").unknownWord(ref.Kind, "Role", "ClusterRole")
	}
	if ref.Name == "" {
		at.field("name").errorf("is missing")
	}
	for i, s := range subjects {
		at := o.root().field("subjects").item(i)
		kinds := []string{"User", "Group", "ServiceAccount"}
		switch {
		case !slices.Contains(kinds, s.Kind):
			at.field("kind").unknownWord(s.Kind, kinds...)
		case s.Name == "":
			at.field("name").errorf("is missing")
		case s.Kind == "ServiceAccount" && s.Namespace == "" && o.meta.Namespace == "":
			at.field("namespace").errorf("is missing: ServiceAccount %s is in one", strict.Quote(s.Name))
		case s.Kind != "ServiceAccount" && strings.TrimSpace(s.Namespace) != "":
			at.field("namespace").errorf("a %s is in no namespace", s.Kind)
		}
		b.Subjects = append(b.Subjects, model.Subject{Kind: s.Kind, Namespace: s.Namespace, Name: s.Name})
	}
	return b
}

// pathSegment reads a name that has to be good for a part of a URL, no more
// (k8s.io/apimachinery/pkg/api/validation/path/name.go IsValidPathSegmentName).
func pathSegment(v strict.Value) string {
	name := v.Text()
	if name == "." || name == ".." || strings.ContainsAny(name, "/%") {
		v.Errorf("%s is no name: it must not be . or .. nor contain / or %%", strict.Quote(name))
		return ""
	}
	return name
}
