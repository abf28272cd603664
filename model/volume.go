package model

// Claim is a PersistentVolumeClaim as a scheduler sees it.
type Claim struct {
	Namespace, Name string
	Volume          string // the PersistentVolume it is bound to, "" if none yet
	Class           string // storageClassName
	Lost            bool   // its volume is gone
	Deleting        bool
}

// Volume is a PersistentVolume.
type Volume struct {
	Name     string
	Labels   Labels
	Affinity []NodeTerm // of nodes that can reach it, any one must match; nil asks nothing
}

// StorageClass is how volumes of a class come about.
type StorageClass struct {
	Name       string
	Wait       bool       // volumeBindingMode WaitForFirstConsumer
	Provisions bool       // somebody makes volumes as they are needed
	Topologies []NodeTerm // allowedTopologies, any one must match; nil asks nothing
}
