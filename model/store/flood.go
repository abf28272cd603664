package store

import (
	"time"

	"orrery/model"
)

// Flood is many clients that all ask for the same over and over: as a rate, since
// each of their requests is like the others.
type Flood struct {
	As      Identity
	Right   Right
	Kind    model.Kind
	Clients int64         // each waits for its answer before it asks again
	Every   time.Duration // a client asks once in that time
	Over    time.Duration // the clients appear one after the other during that time

	Objects     int64 // in the answer to a list
	ObjectBytes int64 // of each
	Latest      bool  // resourceVersion "": what is true now, not what the watch cache has
}
