package model

import "strconv"

// Note is a Kubernetes Event about an object: what a component tells people.
type Note struct {
	About   *Meta  // the object; nil if it is none of the model, or nobody knows which
	Named   string // what it is about if About is nil, such as "fault/node-down-1": Path
	Reason  string // "FailedScheduling"
	Message string // "" if Traffic, Throttling, Usage or Container says it all: Text
	Warning bool   // type Warning; otherwise Normal

	// Started is the note of a container's start: it stands for the Events Created and
	// Started, which are of one moment here, and if the image was Present for one before
	// them that says so: see Event.
	Started, Present bool
	// Clients is whether any API server answers them from now on, where that changed.
	Clients Clients
	// Init tells that Container, the one of the pod that this is about, is an init
	// container; nil if it is about none, or its words name it.
	Init      bool
	Container *Container

	// Traffic is what changed if Reason is TrafficChanged, else nil.
	Traffic *Traffic
	// Load is what changed if Reason is ReasonAPILoadChanged, or the level that had
	// no seat if it is TooManyRequests, else nil.
	Load *APILoad
	// Throttling is what changed if Reason is ThrottlingChanged, else nil.
	Throttling *Throttling
	// Usage is what changed if Reason is UsageChanged, else nil.
	Usage *Usage
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

// Object is what the note is about, zero if About is nil.
func (n *Note) Object() Ref {
	if n.About == nil {
		return Ref{}
	}
	return n.About.Ref()
}

// Path is what the note is about, as kubectl writes it. Nobody puts that together before
// somebody reads it.
func (n *Note) Path() string {
	if n.About == nil {
		return n.Named
	}
	return n.About.Path()
}

// What a kubelet says of a container that is well
// (pkg/kubelet/kuberuntime/kuberuntime_container.go, images/image_manager.go).
const (
	PullingImage     = "Pulling"
	PulledImage      = "Pulled"
	CreatedContainer = "Created"
	StartedContainer = "Started"
)

// Text is what the note says.
func (n *Note) Text() string {
	switch {
	case n.Message != "":
	case n.Traffic != nil:
		return n.Traffic.String()
	case n.Throttling != nil:
		return n.Throttling.String()
	case n.Usage != nil:
		return n.Usage.String()
	case n.Container == nil:
	case n.Reason == PullingImage:
		return "Pulling image " + strconv.Quote(n.Container.Image)
	case n.Reason == PulledImage:
		return "Container image " + strconv.Quote(n.Container.Image) + " already present on machine and can be accessed by the pod"
	case n.Reason == CreatedContainer:
		return "Container created"
	case n.Reason == StartedContainer:
		return "Container started"
	}
	return n.Message
}

// FieldPath is the part of the object that the note is about, as an Event's
// involvedObject has it; "" is all of it.
func (n *Note) FieldPath() string {
	switch {
	case n.Container == nil:
		return ""
	case n.Init:
		return "spec.initContainers{" + n.Container.Name + "}"
	}
	return "spec.containers{" + n.Container.Name + "}"
}

// Events is how many Events the note stands for.
func (n *Note) Events() int {
	switch {
	case !n.Started:
		return 1
	case n.Present:
		return 3
	}
	return 2
}

// Event is the ith Event that the note stands for, in the order in which they were.
func (n *Note) Event(i int) Note {
	switch n.Events() - i {
	case 3:
		return n.as(PulledImage)
	case 2:
		return n.as(CreatedContainer)
	}
	if n.Started {
		return n.as(StartedContainer)
	}
	return *n
}

// Says tells whether one of those Events has the reason.
func (n *Note) Says(reason string) bool {
	return n.Reason == reason || n.Started && (reason == CreatedContainer || n.Present && reason == PulledImage)
}

func (n *Note) as(reason string) Note {
	return Note{About: n.About, Named: n.Named, Reason: reason, Init: n.Init, Container: n.Container}
}
