package manifest

import (
	"net/url"
	"slices"
	"strconv"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"orrery/model"
	"orrery/scenarios/strict"
)

func readValidating(o *object) {
	before := o.set.decoder.wrong
	var in admissionv1.ValidatingWebhookConfiguration
	if !decode(o, &in) || o.set.state {
		return
	}
	c := &model.WebhookConfiguration{Meta: o.meta}
	c.Labels = o.labels(o.root().fields("metadata", "labels"), in.Labels)
	for i := range in.Webhooks {
		w := &in.Webhooks[i]
		c.Webhooks = append(c.Webhooks, o.webhook(o.root().field("webhooks").item(i), &asked{
			w.Name, w.ClientConfig, w.Rules, w.FailurePolicy, w.NamespaceSelector, w.ObjectSelector, w.TimeoutSeconds, w.AdmissionReviewVersions,
			w.SideEffects, len(w.MatchConditions),
		}))
	}
	o.uniqueWebhooks(c)
	o.keep(before, c)
}

func readMutating(o *object) {
	before := o.set.decoder.wrong
	var in admissionv1.MutatingWebhookConfiguration
	if !decode(o, &in) || o.set.state {
		return
	}
	c := &model.WebhookConfiguration{Meta: o.meta}
	c.Labels = o.labels(o.root().fields("metadata", "labels"), in.Labels)
	for i := range in.Webhooks {
		w, at := &in.Webhooks[i], o.root().field("webhooks").item(i)
		m := o.webhook(at, &asked{
			w.Name, w.ClientConfig, w.Rules, w.FailurePolicy, w.NamespaceSelector, w.ObjectSelector, w.TimeoutSeconds, w.AdmissionReviewVersions,
			w.SideEffects, len(w.MatchConditions),
		})
		if p := w.ReinvocationPolicy; p != nil {
			m.Reinvoke = oneOf(at.field("reinvocationPolicy"), string(*p), "Never", "IfNeeded") == "IfNeeded"
		}
		c.Webhooks = append(c.Webhooks, m)
	}
	o.uniqueWebhooks(c)
	o.keep(before, c)
}

// asked is what both sorts of webhook say.
type asked struct {
	name                string
	client              admissionv1.WebhookClientConfig
	rules               []admissionv1.RuleWithOperations
	failure             *admissionv1.FailurePolicyType
	namespaces, objects *metav1.LabelSelector
	timeout             *int32
	versions            []string
	sideEffects         *admissionv1.SideEffectClass
	conditions          int
}

// webhook follows pkg/apis/admissionregistration/v1/defaults.go and
// validation/validation.go.
func (o *object) webhook(p *place, in *asked) model.Webhook {
	w := model.Webhook{Name: in.name, Timeout: 10 * time.Second}
	if in.name == "" {
		p.field("name").errorf("is missing")
	}
	if t := in.timeout; t != nil {
		w.Timeout = time.Duration(*t) * time.Second
		if *t < 1 || *t > 30 {
			p.field("timeoutSeconds").errorf("%d is out of range: 1 to 30 seconds", *t)
		}
	}
	if f := in.failure; f != nil {
		w.Ignore = oneOf(p.field("failurePolicy"), string(*f), "Fail", "Ignore") == "Ignore"
	}
	if len(in.versions) == 0 {
		p.field("admissionReviewVersions").errorf("is missing: write [v1]")
	}
	if s := in.sideEffects; s == nil {
		p.field("sideEffects").errorf("is missing: None or NoneOnDryRun")
	} else {
		oneOf(p.field("sideEffects"), string(*s), "None", "NoneOnDryRun")
	}
	if in.conditions > 0 {
		p.field("matchConditions").errorf("are not modeled: the webhook would be asked more often than it is; leave them out or match by selectors")
	}
	w.Namespaces, w.Objects = everything(labelSelector(p.field("namespaceSelector"), in.namespaces)), everything(labelSelector(p.field("objectSelector"), in.objects))
	for i := range in.rules {
		w.Rules = append(w.Rules, webhookRule(p.field("rules").item(i), &in.rules[i]))
	}
	o.callee(p.field("clientConfig"), &in.client, &w)
	return w
}

// everything is s, which selects all objects if nothing is said.
func everything(s *model.Selector) *model.Selector {
	if s == nil {
		return &model.Selector{}
	}
	return s
}

// oneOf is word, which has to be one of some.
func oneOf(p *place, word string, known ...string) string {
	if !slices.Contains(known, word) {
		p.unknownWord(word, known...)
	}
	return word
}

func webhookRule(p *place, in *admissionv1.RuleWithOperations) model.WebhookRule {
	r := model.WebhookRule{APIGroups: in.APIGroups, APIVersions: in.APIVersions, Resources: in.Resources, Scope: "*"}
	for i, op := range in.Operations {
		r.Operations = append(r.Operations, oneOf(p.field("operations").item(i), string(op), "CREATE", "UPDATE", "DELETE", "CONNECT", "*"))
	}
	if in.Scope != nil {
		r.Scope = oneOf(p.field("scope"), string(*in.Scope), "*", "Namespaced", "Cluster")
	}
	if min(len(r.Operations), len(r.APIGroups), len(r.APIVersions), len(r.Resources)) == 0 {
		p.errorf("a rule needs operations, apiGroups, apiVersions and resources")
	}
	return r
}

// callee reads who is called. The URL is what messages name.
func (o *object) callee(p *place, in *admissionv1.WebhookClientConfig, into *model.Webhook) {
	switch {
	case in.Service != nil && in.URL != nil, in.Service == nil && in.URL == nil:
		p.errorf("needs service or url, and not both")
	case in.URL != nil:
		u, err := url.Parse(*in.URL)
		if err != nil || u.Scheme != "https" || u.Host == "" {
			p.field("url").errorf("%s is not like https://host/path", strict.Quote(*in.URL))
		}
		into.URL = *in.URL
	default:
		s := in.Service
		if s.Name == "" || s.Namespace == "" {
			p.field("service").errorf("needs a name and a namespace")
		}
		port, path := int32(443), "/"
		if s.Port != nil {
			port = *s.Port
		}
		if s.Path != nil {
			path = *s.Path
		}
		into.Service = model.ObjectName{Namespace: s.Namespace, Name: s.Name}
		into.URL = "https://" + s.Name + "." + s.Namespace + ".svc:" + strconv.Itoa(int(port)) + path
	}
}

func (o *object) uniqueWebhooks(c *model.WebhookConfiguration) {
	for i := range c.Webhooks {
		if slices.ContainsFunc(c.Webhooks[:i], func(w model.Webhook) bool { return w.Name == c.Webhooks[i].Name }) {
			o.root().field("webhooks").item(i).field("name").errorf("%s is given twice", strict.Quote(c.Webhooks[i].Name))
		}
	}
}
