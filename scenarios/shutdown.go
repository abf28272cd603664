package scenarios

import (
	"math"
	"time"

	"orrery/model/kubelet"
	"orrery/scenarios/strict"
)

// The keys of a KubeletConfiguration about the shutdown of its machine.
const (
	shutdownPeriod     = "shutdownGracePeriod"
	shutdownCritical   = "shutdownGracePeriodCriticalPods"
	shutdownByPriority = "shutdownGracePeriodByPodPriority"
)

// gracefulShutdown reads how long a kubelet holds the shutdown of its machine up: for all
// pods and then for critical ones, or for one band of priorities after the other, but not
// both (v1.35 pkg/kubelet/apis/config/validation/validation.go). A period of 0 is as good as not
// said.
func gracefulShutdown(m *strict.Map) kubelet.Shutdown {
	period, critical, bands := m.Optional(shutdownPeriod), m.Optional(shutdownCritical), m.Optional(shutdownByPriority)
	total, last := noneOrASecond(period), noneOrASecond(critical)
	if last > total {
		critical.Errorf("it is a part of %s, and so at most as long", shutdownPeriod)
		return nil
	}
	if !bands.Given() {
		return kubelet.NewShutdown(total, last)
	}
	if total > 0 {
		bands.KeyErrorf("a kubelet does not start with both this and %s", shutdownPeriod)
	}
	seen := map[int32]bool{}
	return kubelet.ByPriority(strict.Each(bands, func(v strict.Value) kubelet.Band {
		b := v.Map("a band of priorities", "priority", "shutdownGracePeriodSeconds")
		priority := int32(b.Required("priority").Int(math.MinInt32, math.MaxInt32))
		if seen[priority] {
			v.Errorf("two bands begin at priority %d", priority)
		}
		seen[priority] = true
		return kubelet.Band{Priority: priority, GracePeriod: time.Duration(b.Required("shutdownGracePeriodSeconds").Int(0, 3600)) * time.Second}
	})...)
}

// noneOrASecond reads a period of a shutdown: 0, or at least a second.
func noneOrASecond(v strict.Value) time.Duration {
	d := v.DurationIn(0, time.Hour)
	if 0 < d && d < time.Second {
		v.Errorf("%s is too short: 0s, which is none, or 1s and more", strict.FormatDuration(d))
	}
	return d
}

// refuseShutdown finds that where nothing runs.
func refuseShutdown(m *strict.Map) {
	for _, key := range [...]string{shutdownPeriod, shutdownByPriority} {
		if v := m.Optional(key); v.Given() {
			v.KeyErrorf("nothing runs on a hollow node, so it has nothing to end")
		}
	}
}
