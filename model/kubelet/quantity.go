package kubelet

import "strconv"

// quantity is bytes as Kubernetes prints them, in the largest unit that leaves a whole
// number (apimachinery/pkg/api/resource, format BinarySI).
func quantity(bytes int64) string { return inUnits(bytes, 1024, "Ki", "Mi", "Gi", "Ti", "Pi", "Ei") }

// count is a number as Kubernetes prints it (format DecimalSI).
func count(n int64) string { return inUnits(n, 1000, "k", "M", "G", "T", "P", "E") }

func inUnits(n, step int64, names ...string) string {
	unit := ""
	for i := 0; n != 0 && i < len(names) && n%step == 0; i++ {
		n, unit = n/step, names[i]
	}
	return strconv.FormatInt(n, 10) + unit
}

// amount is so much of something.
func amount(s stock, n int64) string {
	if s >= inodes {
		return count(n)
	}
	return quantity(n)
}

// threshold is a threshold in messages, where percents of anything come out as bytes do
// (eviction/api/types.go GetThresholdQuantity).
func (k *Kubelet) threshold(s Signal, least int64) string {
	if s == allocatableMemory {
		return quantity(least)
	}
	if t := k.levels.config.hard()[s]; t.Part > 0 && least == k.levels.hard[s] || least == k.levels.soft[s] && k.levels.config.Soft[s].Part > 0 {
		return quantity(least)
	}
	return amount(stockOf[s], least)
}
