package runtime

import (
	"time"

	"orrery/sim"
)

// PullRate is the kubelet's limit of pulls, a bucket of Burst tokens into which QPS of
// them come a second (registryPullQPS and registryBurst of a KubeletConfiguration). Who
// finds none fails and does not wait (pkg/kubelet/images/helpers.go
// throttledImageService). The zero value is DefaultPullRate; a QPS of 0 with a Burst is no
// limit.
type PullRate struct{ QPS, Burst int64 }

// DefaultPullRate is what a kubelet does unless told (apis/config/v1beta1/defaults.go).
var DefaultPullRate = PullRate{QPS: 5, Burst: 10}

func (r PullRate) orDefault() PullRate {
	if r == (PullRate{}) {
		return DefaultPullRate
	}
	return r
}

// bucket is the kubelet's.
type bucket struct {
	PullRate
	fullAt sim.Time // if nobody takes another token
}

// take takes a token out, if there is one.
func (b *bucket) take(now sim.Time) bool {
	if b.QPS == 0 {
		return true
	}
	each := time.Second / time.Duration(b.QPS)
	if b.fullAt > now.Add(time.Duration(b.Burst-1)*each) {
		return false
	}
	b.fullAt = max(b.fullAt, now).Add(each)
	return true
}

// FillPullBucket is what a kubelet that starts does: its bucket is full.
func (m *Machine) FillPullBucket() { m.bucket.fullAt = 0 }
