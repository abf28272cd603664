package scenarios_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/kubelet"
)

// Source: v1.35 pkg/kubelet/apis/config/types.go ShutdownGracePeriodByPodPriority,
// validation/validation.go: bands of priorities, or the two periods, but not both.
func TestAShutdownIsReadAsAKubeletConfigurationHasIt(t *testing.T) {
	load := func(keys string) (kubelet.Shutdown, error) {
		s, err := loaded(t, "  nodes: [{name: n, cpu: 4, memory: 8Gi, "+keys+"}]\n", "")
		if err != nil {
			return nil, err
		}
		return s.Config.Shutdown.Nodes["n"], nil
	}
	for keys, want := range map[string]kubelet.Shutdown{
		"shutdownGracePeriod: 30s, shutdownGracePeriodCriticalPods: 10s":                                                                      {{Priority: 0, GracePeriod: 20 * time.Second}, {Priority: model.SystemCritical, GracePeriod: 10 * time.Second}},
		"shutdownGracePeriodByPodPriority: [{priority: 1000, shutdownGracePeriodSeconds: 5}, {priority: -7, shutdownGracePeriodSeconds: 60}]": {{Priority: -7, GracePeriod: time.Minute}, {Priority: 1000, GracePeriod: 5 * time.Second}},
	} {
		if got, err := load(keys); err != nil || !slices.Equal(got, want) {
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
		if _, err := load(keys); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", keys, err)
		}
	}
}
