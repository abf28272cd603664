package kubelet

import "orrery/model"

// amount is so much of something.
func amount(s stock, n int64) string {
	if s >= inodes {
		return model.DecimalSI(n)
	}
	return model.BinarySI(n)
}

// threshold is a threshold in messages, where percents of anything come out as bytes do
// (eviction/api/types.go GetThresholdQuantity).
func (k *Kubelet) threshold(s Signal, least int64) string {
	if s == allocatableMemory {
		return model.BinarySI(least)
	}
	if t := k.levels.config.hard()[s]; t.Part > 0 && least == k.levels.hard[s] || least == k.levels.soft[s] && k.levels.config.Soft[s].Part > 0 {
		return model.BinarySI(least)
	}
	return amount(stockOf[s], least)
}
