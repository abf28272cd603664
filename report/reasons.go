package report

import (
	"slices"
	"strings"
)

// reasons is every reason that a note can have, sorted: what the components of
// package model say. A test holds it against their source.
var reasons = []string{
	"APILoadChanged",
	"APIServerOOMKilled", "APIServerReady", "APIServerStopped", "ActionFailed", "BackOff", "BackoffLimitExceeded",
	"CalculateExpectedPodCountFailed", "Completed", "DeadlineExceeded", "DeleteUnregistered", "DeletingNode", "EtcdAlarmDisarmed", "EtcdDefragmented",
	"EtcdDefragmenting", "EtcdLeaderElected", "EtcdLearnerAdded", "EtcdMemberPromoted", "EtcdMemberRemoved",
	"EtcdNotServing", "EtcdRestored", "EtcdServing", "Evicted", "EvictionRefused", "EvictionThresholdMet", "Failed",
	"FailedComputeMetricsReplicas", "FailedCreate", "FailedDaemonPod", "FailedDelete",
	"FailedGetContainerResourceMetric", "FailedGetExternalMetric", "FailedGetObjectMetric", "FailedGetPodsMetric",
	"FailedGetResourceMetric", "FailedGetScale", "FailedIndexes", "FailedRescale", "FailedScheduling",
	"FailedToScaleUpGroup", "FailedUpdateStatus", "FaultEnded", "FaultStarted", "FaultWithoutTarget", "JobAlreadyActive", "Killing", "LeaderElection",
	"MachineLaunchFailed", "MachineLaunching", "MachineReclaiming", "MachineTerminated", "MaxFailedIndexesExceeded", "MissingJob", "MultiplePodDisruptionBudgets", "NoPods", "NodeAffinity",
	"NodeHasDiskPressure", "NodeHasInsufficientMemory", "NodeHasNoDiskPressure", "NodeHasSufficientMemory",
	"NodeNotReady", "NodeReplaced", "NotDeleted", "NotTriggerScaleUp", "OutOfcpu", "OutOfephemeral-storage", "OutOfmemory", "OutOfpods",
	"PodFailurePolicy", "Preempted", "Pulled", "Rebooted", "RegisteredNode", "Relisted", "RenewalsResumed",
	"RenewalsStopped", "Resumed", "SawCompletedJob", "ScaleDown", "ScaleDownEmpty", "ScaleDownFailed", "ScaleUpTimedOut", "ScaledUpGroup", "ScalingReplicaSet", "Scheduled", "Started", "SucceededDaemonPod",
	"SuccessfulCreate", "SuccessfulDelete", "SuccessfulRescale", "Suspended", "TaintManagerEviction", "TaintToleration",
	"TooManyMissedTimes", "TooManyRequests", "TrafficChanged", "TriggeredScaleUp", "Unhealthy", "UnmanagedPods", "WebhookAnswers", "WebhookFailed",
}

// outOf begins the reason of a kubelet that has too little of a resource, whose
// name follows; there are as many as resources.
const outOf = "OutOf"

// isReason tells whether a note can have the reason s.
func isReason(s string) bool {
	return slices.Contains(reasons, s) || strings.HasPrefix(s, outOf) && len(s) > len(outOf)
}
