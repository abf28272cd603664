package model

import (
	"strconv"
	"strings"
	"time"
)

// What namespaces, webhook configurations and what shares an API server's seats
// compare, in the order of the paths.

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

func (d *Differ) flowSchema(a, b *FlowSchema) {
	if d.deleted {
		d.text("spec.rules", flowRules(a.Rules), "")
		return
	}
	d.meta(&a.Meta, &b.Meta)
	d.text("spec.distinguisherMethod", a.Distinguisher, b.Distinguisher)
	d.number("spec.matchingPrecedence", int64(a.Precedence), int64(b.Precedence))
	d.text("spec.priorityLevelConfiguration", a.Level, b.Level)
	d.text("spec.rules", flowRules(a.Rules), flowRules(b.Rules))
}

// flowRules is rules as "ServiceAccount monitoring/agent: list,watch pods in all
// namespaces".
func flowRules(rules []FlowRule) string {
	var list []string
	for i := range rules {
		var who, what []string
		for _, s := range rules[i].Subjects {
			name := s.Name
			if s.Namespace != "" {
				name = s.Namespace + "/" + name
			}
			who = append(who, s.Kind+" "+name)
		}
		for _, r := range rules[i].Resources {
			where := ""
			if len(r.Namespaces) > 0 {
				where = " in " + strings.Join(r.Namespaces, ",")
			}
			if r.Cluster {
				where += " in the cluster"
			}
			what = append(what, strings.Join(r.Verbs, ",")+" "+strings.Join(r.Resources, ",")+where)
		}
		list = append(list, strings.Join(who, ", ")+": "+strings.Join(what, ", "))
	}
	return strings.Join(list, "; ")
}

func (d *Differ) priorityLevel(a, b *PriorityLevel) {
	if d.deleted {
		d.text("spec.limited", a.limits(), "")
		return
	}
	d.meta(&a.Meta, &b.Meta)
	from := a.limits()
	if d.created {
		from = ""
	}
	d.text("spec.limited", from, b.limits())
}

// limits is a level as "30 shares, 8 of 64 queues of 50, lends 33%".
func (l *PriorityLevel) limits() string {
	n := func(n int32) string { return strconv.FormatInt(int64(n), 10) }
	out := n(l.Shares) + " shares"
	switch {
	case l.Exempt:
		out += ", exempt"
	case l.Queues == 0:
		out += ", rejects"
	default:
		out += ", " + n(l.HandSize) + " of " + n(l.Queues) + " queues of " + n(l.QueueLength)
	}
	if l.Lends > 0 {
		out += ", lends " + n(l.Lends) + "%"
	}
	if l.Borrows >= 0 && !l.Exempt {
		out += ", borrows " + n(l.Borrows) + "%"
	}
	return out
}
