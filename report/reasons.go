package report

import (
	"slices"
	"strings"
)

// reasons is every reason that a note can have, sorted: what the components of
// package model say. A test holds it against their source.
var reasons = []string{
	"ActionFailed", "BackOff", "CalculateExpectedPodCountFailed", "EtcdLeaderElected", "EtcdNotServing", "EtcdServing", "EvictionRefused", "Failed", "FailedCreate",
	"FailedScheduling", "FaultEnded", "FaultStarted", "FaultWithoutTarget", "Killing",
	"MultiplePodDisruptionBudgets", "NoPods", "NodeAffinity", "NodeNotReady", "NotDeleted", "OutOfcpu",
	"OutOfephemeral-storage", "OutOfmemory", "OutOfpods", "Preempted", "Pulled", "Rebooted", "RegisteredNode",
	"ScalingReplicaSet", "Scheduled", "Started", "SuccessfulCreate", "SuccessfulDelete", "TaintManagerEviction",
	"TaintToleration", "TrafficChanged", "Unhealthy", "UnmanagedPods",
}

// outOf begins the reason of a kubelet that has too little of a resource, whose
// name follows; there are as many as resources.
const outOf = "OutOf"

// isReason tells whether a note can have the reason s.
func isReason(s string) bool {
	return slices.Contains(reasons, s) || strings.HasPrefix(s, outOf) && len(s) > len(outOf)
}
