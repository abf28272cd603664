package model

import "orrery/sim"

// ProbeHarm is what happens to probes of a container for another reason than that its
// process does not run.
type ProbeHarm struct {
	Kinds [ProbeKinds]bool
	Lost  uint32   // so many of a million are not answered
	Slow  sim.Dist // an answer takes so much longer; one that takes the timeout is none
}
