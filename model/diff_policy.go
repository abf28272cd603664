package model

import (
	"strconv"
	"strings"
	"time"
)

// What namespaces and webhook configurations compare, in the order of the paths.

func (d *Differ) namespace(a, b *Namespace) {
	if d.deleted {
		d.text("status.phase", a.phase(), "")
		return
	}
	d.meta(&a.Meta, &b.Meta)
	d.flag("spec.finalized", [2]bool{a.Finalized, b.Finalized})
	from := a.phase()
	if d.created {
		from = ""
	}
	d.text("status.phase", from, b.phase())
}

// phase is Active until somebody deletes it.
func (n *Namespace) phase() string {
	if n.Deleting() {
		return "Terminating"
	}
	return "Active"
}

func (d *Differ) webhooks(a, b *WebhookConfiguration) {
	if d.deleted {
		d.text("webhooks", webhookList(a.Webhooks), "")
		return
	}
	d.meta(&a.Meta, &b.Meta)
	d.text("webhooks", webhookList(a.Webhooks), webhookList(b.Webhooks))
}

// webhookList names webhooks with what becomes of a request without an answer,
// and after how long: "policy.example.com (Fail, 10s)".
func webhookList(list []Webhook) string {
	var b strings.Builder
	for i := range list {
		w := &list[i]
		policy := "Fail"
		if w.Ignore {
			policy = "Ignore"
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(w.Name + " (" + policy + ", " + strconv.FormatInt(int64(w.Timeout/time.Second), 10) + "s)")
	}
	return b.String()
}
