package model

import "orrery/sim"

// A machine's cores are the servers of one queue for all that runs there and comes by chance: who
// finds a core idle has it, and if none is they all share them (M/M/c with processor sharing, as
// CFS and EEVDF do it). How long a request takes on the average for what it takes alone depends
// on nobody's times but their sum, and is the same for all (Kelly, Reversibility and Stochastic
// Networks, 3.3): 1 + C/f if f cores are free on the average, where all are busy for a part C of
// the time.

// AllBusy is how likely all of some cores are busy, in millionths, of which so many are free on
// the average, both in thousandths. For Erlang's C that is ρ^(√(2(c+1))-1), right for one core,
// and for others so near that Stretch is within 5 % (Sakasegawa, An approximation formula
// Lq ≅ αρ^β/(1-ρ), 1977).
func AllBusy(cores, free int64) int64 {
	free = min(max(free, 0), cores)
	used := sim.Scale(cores-free, whole*1000, max(cores, 1))
	return sim.Power(used, sim.Root(uint64(2*(cores+1000)*1000))-1000) / 1000
}

// Stretch is how long a request takes on the average on such cores for what it takes alone, in
// millionths.
func Stretch(cores, free int64) int64 {
	return whole + sim.Scale(AllBusy(cores, free), 1000, max(free, 1))
}
