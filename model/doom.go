package model

import "orrery/sim"

// Doom is how a container is kept from running: it exits with a code after each of its
// starts.
type Doom struct {
	ExitCode int32
	After    sim.Dist // the zero value is soon
	Times    int32    // how often at most; 0 is without end
}
