package model

import "time"

// WebhookConfiguration is a ValidatingWebhookConfiguration or a
// MutatingWebhookConfiguration
// (k8s.io/api/admissionregistration/v1/types.go).
type WebhookConfiguration struct {
	Meta
	Webhooks []Webhook // immutable: replace the slice to change it
}

// Copy implements Object.
func (c *WebhookConfiguration) Copy() Object { x := *c; return &x }

// Webhook is somebody whom the API server asks before it writes.
type Webhook struct {
	Name       string // "policy.example.com"
	Rules      []WebhookRule
	Ignore     bool          // failurePolicy Ignore: without an answer the request goes on
	Reinvoke   bool          // reinvocationPolicy IfNeeded
	Timeout    time.Duration // of one call, default 10 s
	Namespaces *Selector     // of the labels of the object's namespace
	Objects    *Selector     // of the labels of the object, before or after
	Service    ObjectName    // whose pods answer; without a name somebody outside the cluster does
	URL        string        // as messages write it
}

// ObjectName is a name in a namespace.
type ObjectName struct{ Namespace, Name string }

// WebhookRule is what a webhook is asked about; "*" is everything. A request
// has to be in each of the lists.
type WebhookRule struct {
	Operations  []string // "CREATE", "UPDATE", "DELETE", "CONNECT"
	APIGroups   []string // "" is the core group
	APIVersions []string
	Resources   []string // "pods", "pods/status"; "*" is no subresource, "*/*" is all
	Scope       string   // "Namespaced", "Cluster" or "*"
}
