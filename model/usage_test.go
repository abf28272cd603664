package model

import "testing"

// What is used is written in the units in which promises about it are.
func TestUsageIsWrittenInTheLargestUnit(t *testing.T) {
	for want, u := range map[string]Usage{
		"250m of CPU and 4.4Gi of memory in use":                             {MilliCPU: 250, MemoryBytes: 4506 << 20},
		"0m of CPU and 0.512k of memory in use, and 1Mi more every second":   {MemoryBytes: 512, MemoryGrowth: 1 << 20},
		"1m of CPU and 1.5Ki of memory in use, and 1.023k less every second": {MilliCPU: 1, MemoryBytes: 1536, MemoryGrowth: -1023},
	} {
		if got := u.String(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
