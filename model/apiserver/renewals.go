package apiserver

import (
	"slices"
	"time"

	"orrery/model"
	"orrery/model/network"
)

// renewalTimeout is how long a kubelet waits for the answer to a renewal: its
// client of heartbeats has the interval of node status, 10 s, for a timeout, as
// long as a lease is longer (cmd/kubelet/app/server.go).
const renewalTimeout = 10 * time.Second

// Reconsider says anew, for each API server, whether renewals of leases get
// through. They are no requests here, so their webhooks are asked in a closed
// form: a renewal gets through if each webhook about it can answer in time and
// does not refuse it. One that fails is tried again up to five times at once,
// so it is enough if one endpoint of several answers.
func (w *Webhooks) Reconsider() {
	if !w.leases && !slices.Contains(w.strict, true) {
		return
	}
	for i, server := range w.servers {
		strict := w.leases && !w.renewals(server)
		if strict == w.strict[i] {
			continue
		}
		w.strict[i] = strict
		w.store.SetRenewals(server, !strict)
		n := renewalsNote("apiserver/"+w.net.Name(server), "webhooks let renewals of leases through again")
		if strict {
			n = renewalsStoppedNote(n.Named, "a webhook about leases does not answer, or refuses")
		}
		w.store.Note(w.self, n)
	}
}

// Reasons of notes about renewals of leases that an API server stops letting
// through, or lets through again, because of one thing; another one may be in the
// way still.
const (
	reasonRenewalsStopped = "RenewalsStopped"
	reasonRenewalsResumed = "RenewalsResumed"
)

func renewalsNote(server, message string) model.Note {
	return model.Note{Named: server, Reason: reasonRenewalsResumed, Message: message}
}

func renewalsStoppedNote(server, why string) model.Note {
	return model.Note{Named: server, Warning: true, Reason: reasonRenewalsStopped, Message: "no lease of a node is renewed: " + why}
}

func (w *Webhooks) renewals(server network.Site) bool {
	var waited time.Duration
	for phase := range w.hooks {
		longest := time.Duration(0)
		for _, h := range w.hooks[phase] {
			if !h.leases || !h.Objects.Matches(nil) || !h.Namespaces.Matches(w.namespaceLabels(model.NamespaceLeases)) {
				continue
			}
			took, answers := w.asked(h, server)
			if !answers && !h.Ignore || answers && h.denies(nil) {
				return false
			}
			longest = max(longest, took)
			if phase == mutating {
				waited += took
			}
		}
		if phase == validating {
			waited += longest
		}
	}
	return waited < renewalTimeout
}

// asked is how long a webhook takes, as a rule, for an answer, or until it is
// known that there is none.
func (w *Webhooks) asked(h *hook, server network.Site) (took time.Duration, answers bool) {
	x := w.harmOf(h.Name)
	took = h.behavior.Latency.Median() + x.slow.Median()
	inTime := took < h.Timeout
	took = min(took, h.Timeout)
	if h.Service.Name == "" {
		return took, inTime && !x.down
	}
	route, there := w.route(h, server)
	vanish := there && (route.Service.IsZero() || route.Dropped)
	for i := range route.Endpoints {
		e := &route.Endpoints[i]
		site, known := w.world.PodSite(e.Pod, e.Node.String())
		switch {
		case !known || !w.net.Connected(server, site):
			vanish = true
		case w.world.Serves(e.Pod) && !x.down:
			return took, inTime
		}
	}
	if vanish {
		return h.Timeout, false
	}
	return 0, false
}

// route is where the server's machine sends connections to a webhook, and
// whether there is such a Service at all.
func (w *Webhooks) route(h *hook, server network.Site) (model.Route, bool) {
	if w.world == nil || w.store.Lookup(model.KindService, h.Service.Namespace, h.Service.Name) == nil {
		return model.Route{}, false
	}
	return w.world.Route(server, h.Service), true
}
