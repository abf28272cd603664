package scenarios

import (
	"cmp"
	"path"
	"slices"
	"time"

	"orrery/model"
	"orrery/model/fault"
	"orrery/model/workload"
	"orrery/scenarios/strict"
)

// dns reads how pods find what they send requests to. Without it all know all addresses.
func (l *loader) dns(v strict.Value) {
	if !v.Given() {
		return
	}
	m := v.Map("DNS", dnsOptions.names()...)
	lookups, external := dnsOptions.read(m, "lookups"), dnsOptions.read(m, "external")
	if isZero(lookups) && isZero(external) {
		v.Errorf("no request looks up anything: leave dns out, or say how many names of Services (lookups) or others (external) one needs")
	}
	d := &workload.DNS{
		Namespace: dnsOptions.read(m, "namespace").DNSLabel(),
		Service:   dnsOptions.read(m, "service").DNSLabel(),
		// the addon's and kubeadm's Corefile
		TTL:           dnsOptions.read(m, "ttl").DurationIn(time.Second, 24*time.Hour),
		Cache:         caches[dnsOptions.read(m, "cache").Enum("cache", "none", "pod", "node")],
		LookupsMilli:  lookups.Milli(0, 100_000),
		ExternalMilli: external.Milli(0, 100_000),
		Ndots:         dnsOptions.read(m, "ndots").Int(0, 15),
	}
	if stale := m.Optional("serveStale"); stale.Given() {
		if d.ServeStale = stale.DurationIn(time.Second, 24*time.Hour); d.Cache == workload.NoCache {
			stale.KeyErrorf("nobody keeps an answer: say who does, with cache: pod or cache: node")
		}
	}
	if r := (reference{model.KindService, d.Namespace, d.Service}); d.Namespace != "" && d.Service != "" {
		at := m.Optional("service")
		if !at.Given() {
			at = v
		}
		l.checkObject(at, r.path())
	}
	l.scenario.Config.DNS = d
}

var caches = map[string]workload.DNSCache{"none": workload.NoCache, "pod": workload.PodCache, "node": workload.NodeCache}

var answers = map[string]fault.DNSAnswer{"servfail": fault.ServFail, "nxdomain": fault.NXDomain, "wrong": fault.Wrong}

// lookedUp reads patterns of the names of Services: "stock", "pay*", "stock.shop".
func (l *loader) lookedUp(v strict.Value) (out []string) {
	if !v.Given() {
		return nil
	}
	items := []strict.Value{v}
	if v.IsList() {
		items = v.List()
	}
	for _, item := range items {
		pattern := item.Text()
		if _, err := path.Match(pattern, ""); err != nil || pattern == "" {
			item.Errorf("%s is no pattern of a name, such as stock, pay* or stock.shop", strict.Quote(pattern))
			continue
		}
		l.checkLookedUp(item, pattern)
		out = append(out, pattern)
	}
	return out
}

// checkLookedUp finds a pattern that is none of any Service, nor of a single pod behind one
// that requests go to.
func (l *loader) checkLookedUp(v strict.Value, pattern string) {
	var names []string
	add := func(namespace, name string) { names = append(names, name, name+"."+namespace) }
	for _, p := range l.known.names(model.KindService) {
		r, _ := parseRef(p)
		add(r.namespace, r.name)
	}
	for i := range l.scenario.Config.Traffic {
		add(l.scenario.Config.Traffic[i].Namespace, l.scenario.Config.Traffic[i].Service)
	}
	for _, b := range l.scenario.Config.Behaviors {
		for _, c := range b.Calls {
			add(cmp.Or(c.Namespace, b.Namespace), c.Service)
		}
	}
	fits := func(name string) bool {
		ok, _ := path.Match(pattern, name)
		return ok
	}
	if !l.incomplete() && !slices.ContainsFunc(names, fits) {
		v.Errorf("no Service has a name like %s%s", strict.Quote(pattern), l.suggest(pattern, names))
	}
}
