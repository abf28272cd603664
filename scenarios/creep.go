package scenarios

import (
	"orrery/model/fault"
	"orrery/scenarios/strict"
)

// creeping is the fields that say what agents come to need, and how fast.
var creeping = []string{"cpu", "cpuPerContainer", "memory", "over"}

// creep reads them.
func creep(m *strict.Map) fault.Creep {
	c := fault.Creep{
		CPUMilli:    positive(m.Optional("cpu"), strict.Value.CPU),
		EachMilli:   positive(m.Optional("cpuPerContainer"), strict.Value.CPU),
		MemoryBytes: positive(m.Optional("memory"), strict.Value.Bytes),
		Over:        m.Optional("over").DurationIn(0, maxDuration),
	}
	if said := m.Optional("cpu").Given() || m.Optional("cpuPerContainer").Given() || m.Optional("memory").Given(); m.Given() && !said {
		m.Value().Errorf("what do they come to need? write cpu, cpuPerContainer or memory")
	}
	if c.MemoryBytes > maxBytes {
		m.Optional("memory").Errorf("a machine has at most %dPi", maxBytes>>50)
	}
	return c
}
