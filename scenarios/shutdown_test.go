package scenarios_test

import (
	"slices"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/kubelet"
)

// shutdownOf is what the kubelet of a node does at a shutdown that says so with these keys.
func shutdownOf(t *testing.T, keys string) (kubelet.Shutdown, error) {
	t.Helper()
	s, err := loaded(t, "  nodes: [{name: n, cpu: 4, memory: 8Gi, "+keys+"}]\n", "")
	if err != nil {
		return nil, err
	}
	return s.Config.Shutdown.Nodes["n"], nil
}

// Source: v1.35 pkg/kubelet/apis/config/types.go ShutdownGracePeriodByPodPriority,
// validation/validation.go: bands of priorities, or the two periods, but not both.
func TestAShutdownIsReadAsAKubeletConfigurationHasIt(t *testing.T) {
	for keys, want := range map[string]kubelet.Shutdown{
		"shutdownGracePeriod: 30s, shutdownGracePeriodCriticalPods: 10s":                                                                      {{Priority: 0, GracePeriod: 20 * time.Second}, {Priority: model.SystemCritical, GracePeriod: 10 * time.Second}},
		"shutdownGracePeriodByPodPriority: [{priority: 1000, shutdownGracePeriodSeconds: 5}, {priority: -7, shutdownGracePeriodSeconds: 60}]": {{Priority: -7, GracePeriod: time.Minute}, {Priority: 1000, GracePeriod: 5 * time.Second}},
	} {
		if got, err := shutdownOf(t, keys); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: got %v, %v", keys, got, err)
		}
	}
	const band = "shutdownGracePeriodByPodPriority: [{priority: 0, shutdownGracePeriodSeconds: 5}]"
	for keys, want := range map[string]string{
		band + ", shutdownGracePeriod: 30s": "a kubelet does not start with both this and shutdownGracePeriod",
		band + ", hollow: true":             "nothing runs on a hollow node, so it has nothing to end",
		"shutdownGracePeriodByPodPriority: [{priority: 0, shutdownGracePeriodSeconds: 5}, {priority: 0, shutdownGracePeriodSeconds: 6}]": "two bands begin at priority 0",
		"shutdownGracePeriodByPodPriority: [{priority: 0}]":                                 `missing "shutdownGracePeriodSeconds"`,
		"shutdownGracePeriodByPodPriority: [{priority: 0, shutdownGracePeriodSeconds: -1}]": "shutdownGracePeriodSeconds",
		"shutdownGracePeriodCriticalPods: 10s":                                              "it is a part of shutdownGracePeriod",
	} {
		if _, err := shutdownOf(t, keys); !complains(err, want) {
			t.Errorf("%s: got %v", keys, err)
		}
	}
}

// Source: v1.35 pkg/kubelet/apis/config/validation/validation.go ("must be either zero or
// otherwise >= 1 sec"), v1beta1/defaults.go: 0s is the default of both periods, and none.
func TestAShutdownGracePeriodIsZeroOrASecondAndMore(t *testing.T) {
	const bands = "shutdownGracePeriodByPodPriority: [{priority: 0, shutdownGracePeriodSeconds: 5}]"
	for keys, want := range map[string]kubelet.Shutdown{
		"shutdownGracePeriod: 20s, shutdownGracePeriodCriticalPods: 0s":          {{Priority: 0, GracePeriod: 20 * time.Second}, {Priority: model.SystemCritical}},
		"shutdownGracePeriod: 0s, shutdownGracePeriodCriticalPods: 0s":           nil,
		"shutdownGracePeriodCriticalPods: 0s":                                    nil,
		"shutdownGracePeriod: 0s, shutdownGracePeriodCriticalPods: 0s, " + bands: {{Priority: 0, GracePeriod: 5 * time.Second}},
	} {
		if got, err := shutdownOf(t, keys); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: got %v, %v", keys, got, err)
		}
	}
	for keys, want := range map[string]string{
		"shutdownGracePeriod: 20s, shutdownGracePeriodCriticalPods: 500ms": "500ms is too short: 0s, which is none, or 1s and more",
		"shutdownGracePeriod: 999ms":                                       "999ms is too short",
		"shutdownGracePeriod: 0s, shutdownGracePeriodCriticalPods: 1s":     "it is a part of shutdownGracePeriod",
	} {
		if _, err := shutdownOf(t, keys); !complains(err, want) {
			t.Errorf("%s: got %v", keys, err)
		}
	}
}
