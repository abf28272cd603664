package model

// Note is a Kubernetes Event about an object: what a component tells people.
type Note struct {
	Object  Ref
	Name    string // the object's Path, valid also if Object is zero
	Warning bool   // type Warning; otherwise Normal
	Reason  string // "FailedScheduling"
	Message string
}
