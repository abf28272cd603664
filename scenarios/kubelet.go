package scenarios

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"orrery/model"
	"orrery/model/kubelet"
	"orrery/model/runtime"
	"orrery/scenarios/strict"
)

// ofMachines is the fields of a KubeletConfiguration that are somewhere else, as they follow from
// what a machine is.
var ofMachines = func() map[string]string {
	out := map[string]string{
		"maxPods":               "write pods: 110 of a group of cluster.nodes",
		"serializeImagePulls":   "write cluster.imagePulls: {parallel: 1}",
		"maxParallelImagePulls": "write cluster.imagePulls: {parallel: 3}",
		"staticPodPath":         "write staticPods: [web.yaml] of a group of cluster.nodes",
		"registerWithTaints":    "write taints: [dedicated=gpu:NoSchedule] of a group of cluster.nodes",
	}
	for _, o := range slices.Concat(machineOptions, nodeOptions) {
		if _, said := out[o.Name]; !said && o.Name != "name" {
			out[o.Name] = "write it of a group of cluster.nodes"
		}
	}
	return out
}()

// kubelets reads how the kubelets of all nodes are configured, by the names of a
// KubeletConfiguration.
func (l *loader) kubelets(v strict.Value) {
	if !v.Given() {
		return
	}
	m := v.MapBut("kubelet", ofMachines, kubeletOptions.names()...)
	c := &l.scenario.Config.Kubelet
	c.QPS = kubeletOptions.read(m, "kubeAPIQPS").Int(1, 1_000_000)
	c.Burst = kubeletOptions.read(m, "kubeAPIBurst").Int(1, 1_000_000)
	l.scenario.Config.ControlPlane.PodsPerCore = kubeletOptions.read(m, "podsPerCore").Int(0, 10_000)
	c.PullRate.QPS = kubeletOptions.read(m, "registryPullQPS").Int(0, 1_000_000)
	c.PullRate.Burst = kubeletOptions.read(m, "registryBurst").Int(1, 1_000_000)
	// Only more than 0 is a limit (cm/pod_container_manager_linux.go).
	c.PodPIDsLimit = max(m.Optional("podPidsLimit").Int(-1, maxCount), 0)
	c.Sysctls = strict.Each(m.Optional("allowedUnsafeSysctls"), unsafeSysctl)
	c.Eviction = eviction(m)
	c.ImageGC = imageGC(m)
	if v := m.Optional("crashLoopBackOff"); v.Given() {
		period := v.Map("crashLoopBackOff", "maxContainerRestartPeriod").Required("maxContainerRestartPeriod")
		c.RestartMost = period.DurationIn(time.Second, kubelet.DefaultMostBackoff)
	}
	l.swapAllowed = !kubeletOptions.read(m, "failSwapOn").Bool()
	c.LimitedSwap = swapBehavior(m.Optional("memorySwap"))
	size := kubeletOptions.read(m, "containerLogMaxSize")
	if c.Logs.MaxBytes = positive(size, strict.Value.Bytes); c.Logs.MaxBytes > maxBytes {
		size.Errorf("a machine has at most %dPi", maxBytes>>50)
	}
	c.Logs.MaxFiles = int(kubeletOptions.read(m, "containerLogMaxFiles").Int(2, 100))
}

// imageGC reads at how many percent of the disk the image collector begins and ends, and
// what is too old for it (pkg/kubelet/apis/config/validation/validation.go: that is more
// than imageMinimumGCAge, 2 minutes).
func imageGC(m *strict.Map) kubelet.ImageGC {
	low := kubeletOptions.read(m, "imageGCLowThresholdPercent")
	g := kubelet.ImageGC{High: kubeletOptions.read(m, "imageGCHighThresholdPercent").Int(1, 100), Low: low.Int(0, 100)}
	if g.High > 0 && g.Low >= g.High {
		m.Value().Errorf("imageGCLowThresholdPercent, %d, has to be less than imageGCHighThresholdPercent, %d", g.Low, g.High)
	}
	old := m.Optional("imageMaximumGCAge")
	if g.MaxAge = old.DurationIn(0, maxDuration); g.MaxAge > 0 && g.MaxAge <= runtime.ImageKept {
		old.Errorf("an image is kept for %s whatever happens (imageMinimumGCAge); say more", strict.FormatDuration(runtime.ImageKept))
	}
	return g
}

// maxCount is how many processes or files anything may have here.
const maxCount = 1 << 40

// eviction reads thresholds (pkg/kubelet/eviction/helpers.go ParseThresholdConfig). Those of
// evictionHard replace all defaults, or with mergeDefaultEvictionSettings the defaults of the
// signals that it names. Soft ones need a grace period each.
func eviction(m *strict.Map) (e kubelet.Eviction) {
	signals := kubelet.SignalNames[:]
	merges := kubeletOptions.read(m, "mergeDefaultEvictionSettings").Bool()
	if hard := m.Optional("evictionHard"); hard.Given() {
		said := hard.Map("evictionHard", signals...)
		t := thresholds(said)
		for s, name := range signals {
			if merges && !said.Optional(name).Given() {
				t[s] = kubelet.DefaultHard[s]
			}
		}
		e.Hard = &t
	}
	e.Reclaim = minimumReclaim(m.Optional("evictionMinimumReclaim"))
	least, waits := m.Optional("evictionSoft").Map("evictionSoft", signals...), m.Optional("evictionSoftGracePeriod").Map("evictionSoftGracePeriod", signals...)
	e.Soft = thresholds(least)
	for s, name := range signals {
		v, w := least.Optional(name), waits.Optional(name)
		e.SoftGrace[s] = w.DurationIn(time.Second, maxDuration)
		if v.Given() != w.Given() {
			m.Value().Errorf("a soft threshold needs a grace period, and the other way round: %s has only one of them", name)
		}
	}
	e.MostPodGrace = m.Optional("evictionMaxPodGracePeriod").DurationIn(0, maxDuration)
	e.Stays = m.Optional("evictionPressureTransitionPeriod").DurationIn(time.Second, maxDuration)
	return e
}

// minimumReclaim reads how much more than each threshold is to be free. Unlike a threshold that
// may be nothing: Kubernetes' example has memory.available: "0Mi".
func minimumReclaim(v strict.Value) (t kubelet.Thresholds) {
	m := v.Map("evictionMinimumReclaim", kubelet.SignalNames[:]...)
	for s, name := range kubelet.SignalNames {
		switch v := m.Optional(name); {
		case !isZero(v) || strings.HasSuffix(v.Raw(), "%"):
			t[s] = threshold(v, kubelet.Signal(s))
		case kubelet.Signal(s).Counts():
			wholeNumber(v, 0) // which finds what is wrong about a nothing
		default:
			v.Bytes()
		}
	}
	return t
}

func thresholds(m *strict.Map) (t kubelet.Thresholds) {
	for s, name := range kubelet.SignalNames {
		t[s] = threshold(m.Optional(name), kubelet.Signal(s))
	}
	return t
}

// threshold reads an amount, or a share of all there is, of which a kubelet makes a
// float32, and of which 0% and 100% are none (parseThresholdStatement).
func threshold(v strict.Value, s kubelet.Signal) (t kubelet.Threshold) {
	text := strings.TrimSpace(v.Raw())
	number, share := strings.CutSuffix(text, "%")
	switch {
	case !v.Given():
	case share:
		ppm := v.Percent()
		if f, err := strconv.ParseFloat(number, 32); err == nil && ppm > 0 && ppm < 1_000_000 {
			t.Part = int64(float64(float32(f)/100) * (1 << 32))
		}
	case s.Counts():
		t.Amount = wholeNumber(v, 1)
	default:
		t.Amount = positive(v, strict.Value.Bytes)
	}
	return t
}

// wholeNumber reads a number of processes or files, which is at least lo. Deviation: Kubernetes
// takes such numbers with the units of amounts, too.
func wholeNumber(v strict.Value, lo int64) int64 {
	if n, err := strict.ParseBytes(strings.TrimSpace(v.Raw())); err == nil {
		v.Errorf("%s has a unit, and this is a whole number: write %d", strict.Quote(v.Raw()), n)
		return 0
	}
	return v.Int(lo, maxCount)
}

// sysctlPatterns is what a kubelet takes for names of kernel parameters, or for their
// beginning with * (v1.35 pkg/apis/policy/validation/validation.go IsValidSysctlPattern).
var sysctlPatterns = regexp.MustCompile(`^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[./])*([a-z0-9][-_a-z0-9]*)?[a-z0-9*]$`)

// unsafeSysctl reads a kernel parameter, or the beginning of some, that pods may set. With
// one that is not known to be of a pod alone a kubelet does not start
// (pkg/kubelet/sysctl/allowlist.go NewAllowlist).
func unsafeSysctl(v strict.Value) string {
	text := v.Text()
	switch {
	case text == "":
	case len(text) > 253 || !sysctlPatterns.MatchString(text):
		v.Errorf("%s is no kernel parameter such as net.core.somaxconn, nor a beginning such as kernel.msg*", strict.Quote(text))
	case model.SysctlSpace(text) == "":
		v.Errorf("no kubelet would start: %s is not known to be namespaced; known: kernel.sem, kernel.shm*, kernel.msg*, fs.mqueue.*, net.*", strict.Quote(text))
	}
	return model.SysctlName(text)
}
