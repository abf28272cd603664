package model

// Note is a Kubernetes Event about an object: what a component tells people.
type Note struct {
	Object  Ref
	Name    string // the object's Path, valid also if Object is zero
	Warning bool   // type Warning; otherwise Normal
	Reason  string // "FailedScheduling"
	Message string // "" if Traffic says it all: Text

	// Traffic is what changed if Reason is TrafficChanged, else nil.
	Traffic *Traffic
	// Load is what changed if Reason is ReasonAPILoadChanged, or the level that had
	// no seat if it is TooManyRequests, else nil.
	Load *APILoad
	// Clients is whether any API server answers them from now on, where that changed.
	Clients Clients
}

// Clients is how all who ask API servers fare.
type Clients uint8

// How they fare.
const (
	AsBefore   Clients = iota
	Answered           // by an API server that runs and reads and writes
	Unanswered         // by none
)

// String is a word for it.
func (c Clients) String() string { return [...]string{"", "answered", "unanswered"}[c] }

// Lost is requests that came to nothing at one instant, in thousandths of a request.
type Lost struct {
	ResetMilli  int64 // the process that had them ended: the connection is closed
	SilentMilli int64 // the machine that had them is gone or cut off, or the process hangs: no answer comes
	FailedMilli int64 // the endpoint lost what it called for them
}

// All is how many there are.
func (l Lost) All() int64 { return l.ResetMilli + l.SilentMilli + l.FailedMilli }

// Text is what the note says.
func (n *Note) Text() string {
	if n.Message == "" && n.Traffic != nil {
		return n.Traffic.String()
	}
	return n.Message
}
