package model

// LimitRange is what the containers and pods of a namespace get if they say
// nothing, and what they may ask for (k8s.io/api/core/v1/types.go). Of resources
// CPU, memory and ephemeral storage count.
type LimitRange struct {
	Meta
	Limits []LimitRangeItem // immutable: replace the slice to change it
}

// LimitRangeItem is one rule. An amount of 0 says nothing.
type LimitRangeItem struct {
	Pod            bool      // about a pod as a whole; otherwise about each of its containers
	Default        Resources // limits of containers that have none
	DefaultRequest Resources
	Min, Max       Resources
	Ratio          Ratios
}

// Ratios is how many times its request a limit may be at most
// (maxLimitRequestRatio), in thousandths; 0 is any.
type Ratios struct{ CPUMilli, MemoryMilli, EphemeralMilli int64 }

// Copy implements Object.
func (l *LimitRange) Copy() Object { c := *l; return &c }
