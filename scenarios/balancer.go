package scenarios

import (
	"time"

	"orrery/model"
	"orrery/model/proxy"
	"orrery/model/workload"
	"orrery/scenarios/strict"
)

// balancers reads how load balancers check the health of nodes.
func (l *loader) balancers(v strict.Value) {
	if !v.Given() {
		return
	}
	m := v.Map("load balancers", "interval", "timeout", "healthy", "unhealthy", "lag")
	p := proxy.Probes{
		Interval:  m.Default("interval", "8s").DurationIn(time.Second, time.Hour),
		Timeout:   m.Default("timeout", "1s").DurationIn(time.Millisecond, time.Hour),
		Healthy:   m.Default("healthy", "1").Int(1, 100),
		Unhealthy: m.Default("unhealthy", "3").Int(1, 100),
		Lag:       m.Default("lag", "10s").DurationIn(0, time.Hour),
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
	for _, o := range l.scenario.Config.Objects {
		if svc, ok := o.(*model.Service); ok && svc.Namespace == t.Namespace && svc.Name == t.Service && !svc.LoadBalancer {
			v.Errorf("%s is not of type LoadBalancer: requests from the internet come through a load balancer", svc.Path())
		}
	}
}
