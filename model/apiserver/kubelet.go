package apiserver

import (
	"orrery/model"
	"orrery/model/store"
)

// nodeRules is what a kubelet may do besides reading its node and its pods
// (plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go NodeRules,
// plugin/pkg/auth/authorizer/node/node_authorizer.go authorizeNode and
// authorizePod).
var nodeRules = func() (out [model.Kinds]bits) {
	out[model.KindNode] = bitOf(store.RightCreate, store.Whole) | bitOf(store.RightUpdate, store.Whole) | bitOf(store.RightPatch, store.Whole) |
		bitOf(store.RightUpdate, store.Status) | bitOf(store.RightPatch, store.Status)
	out[model.KindPod] = bitOf(store.RightCreate, store.Whole) | bitOf(store.RightDelete, store.Whole) |
		bitOf(store.RightUpdate, store.Status) | bitOf(store.RightPatch, store.Status) | bitOf(store.RightCreate, store.Eviction)
	out[model.KindService] = bitOf(store.RightGet, store.Whole) | bitOf(store.RightList, store.Whole) | bitOf(store.RightWatch, store.Whole)
	return out
}()

// passKubelet lets a kubelet do what the node authorizer allows, or a role that
// somebody gave it, to its own node and its own pods: the rest the admission
// plugin NodeRestriction forbids
// (plugin/pkg/admission/noderestriction/admission.go).
func (g *gate) passKubelet(r *store.Request, k *caller) store.Refusal {
	right, part := needed(r)
	ours, own := nodeRules[r.Target.Kind]&bitOf(right, part) != 0, g.isOf(r, k.node)
	if right == store.RightGet && (r.Target.Kind == model.KindNode || r.Target.Kind == model.KindPod) {
		ours, own = own, true
	}
	if own && (ours || g.allows(r, k)) {
		return store.Accepted
	}
	return store.Forbidden
}

// isOf tells whether what a request is about is a node itself, bound to it, or
// neither a node nor a pod. What is gone belongs to anybody, and is not found.
func (g *gate) isOf(r *store.Request, node string) bool {
	o := r.Object
	if o == nil || r.Op != store.OpCreate {
		o = g.store.Get(r.Target)
	}
	switch o := o.(type) {
	case *model.Node:
		return o.Name == node
	case *model.Pod:
		// A kubelet makes only mirror pods, which its node owns.
		return o.NodeName == node && (r.Op != store.OpCreate || o.Owner.Kind == model.KindNode)
	}
	return true
}

// kubeletReads tells whether a kubelet may read something because it is its
// node, one of its pods, or what all of them may read.
func (g *gate) kubeletReads(node string, what *store.Read) bool {
	own := what.Node != 0 && g.store.NodeName(what.Node) == node
	switch what.Kind {
	case model.KindNode:
		return own || what.Name == node
	case model.KindPod:
		return own
	}
	return nodeRules[what.Kind]&bitOf(what.Right, store.Whole) != 0
}
