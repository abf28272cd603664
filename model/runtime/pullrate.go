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

// mayPull takes a token out of the kubelet's bucket, if there is one.
func (m *Machine) mayPull(now sim.Time) bool {
	if m.pullRate.QPS == 0 {
		return true
	}
	each := time.Second / time.Duration(m.pullRate.QPS)
	if m.pullsPaid > now.Add(time.Duration(m.pullRate.Burst-1)*each) {
		return false
	}
	m.pullsPaid = max(m.pullsPaid, now).Add(each)
	return true
}

// FillPullBucket is what a kubelet that starts does: its bucket is full.
func (m *Machine) FillPullBucket() { m.pullsPaid = 0 }
