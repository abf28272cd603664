package scenarios

import (
	"slices"
	"strings"
	"time"

	"orrery/model"
	"orrery/model/proxy"
	"orrery/model/runtime"
	"orrery/model/workload"
	"orrery/scenarios/strict"
)

// balancers reads how load balancers check the health of nodes.
func (l *loader) balancers(v strict.Value) {
	if !v.Given() {
		return
	}
	m := v.Map("load balancers", balancerOptions.names()...)
	p := proxy.Probes{
		Interval:  balancerOptions.read(m, "interval").DurationIn(time.Second, time.Hour),
		Timeout:   balancerOptions.read(m, "timeout").DurationIn(time.Millisecond, time.Hour),
		Healthy:   balancerOptions.read(m, "healthy").Int(1, 100),
		Unhealthy: balancerOptions.read(m, "unhealthy").Int(1, 100),
		Lag:       balancerOptions.read(m, "lag").DurationIn(0, time.Hour),
	}
	if p.Timeout >= p.Interval && p.Interval > 0 {
		v.Errorf("a probe that takes %v is not over when the next one is made, after %v: timeout must be less than interval", p.Timeout, p.Interval)
		return
	}
	l.scenario.Config.Probes = p
}

// checkBalanced tells of a Service that has no load balancer for traffic to come through.
func (l *loader) checkBalanced(v strict.Value, t *workload.Traffic) {
	if t.From != workload.Internet {
		return
	}
	_, service, single := strings.Cut(t.Service, ".")
	if !single {
		service = t.Service
	}
	for _, o := range l.scenario.Config.Objects {
		if svc, ok := o.(*model.Service); ok && svc.Namespace == t.Namespace && svc.Name == service && !svc.LoadBalancer {
			v.Errorf("%s is not of type LoadBalancer: requests from the internet come through a load balancer", svc.Path())
		}
	}
}

// kubeProxies reads how the kube-proxies of all nodes are configured, by the names of a
// KubeProxyConfiguration.
func (l *loader) kubeProxies(v strict.Value) {
	if !v.Given() {
		return
	}
	m := v.Map("kubeProxy", "conntrack").Required("conntrack").Map("conntrack", conntrackOptions.names()...)
	of := workload.DefaultConntrack
	of.MaxPerCore = conntrackOptions.read(m, "maxPerCore").Int(1, 1<<30)
	of.Min = conntrackOptions.read(m, "min").Int(1, 1<<30)
	l.scenario.Config.Conntrack = &of
}

// sizes reads how large requests are: their answers, or both.
func sizes(v strict.Value) (request, answer int64) {
	if v.IsScalar() {
		return 0, size(v)
	}
	m := v.Map("bytes", "request", "answer")
	if m.Given() && !m.Optional("request").Given() && !m.Optional("answer").Given() {
		v.Errorf("bytes of what? write request, answer or both, such as answer: 100Ki")
	}
	return size(m.Optional("request")), size(m.Optional("answer"))
}

// size is of one message.
func size(v strict.Value) int64 {
	n := positive(v, strict.Value.Bytes)
	if n > 1<<30 {
		v.Errorf("%s is too much: a message has at most 1Gi", v.Raw())
	}
	return n
}

// sized tells whether requests or their answers have a size.
func sized(b runtime.Behavior) bool { return b.RequestBytes+b.AnswerBytes > 0 }

// checkBandwidth finds a bandwidth that nothing has need of.
func (l *loader) checkBandwidth(cluster strict.Value) {
	if v := cluster.Peek("nodeBandwidth"); v.Given() && !slices.ContainsFunc(l.scenario.Config.Behaviors, sized) {
		v.KeyErrorf("no request has a size: say so in workload.behavior, such as bytes: 100Ki")
	}
}
