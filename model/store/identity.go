package store

import (
	"strings"
	"time"

	"orrery/model"
	"orrery/sim"
)

// Credential is how a client proves who it is.
type Credential uint8

// The credentials.
const (
	NoCredential Credential = iota // anonymous
	Certificate
	AccountToken // of a service account
	BearerToken  // of an identity provider
)

// Identity is who a client is once its credential is checked. The zero value is
// nobody. A credential is renewed in time by whoever has it, unless a fault keeps
// it from that; then it ends at that moment.
type Identity struct {
	User       string   // "system:kube-scheduler"
	Groups     []string // besides system:authenticated and those of every service account
	Credential Credential
	Component  string // whose process shows it: "kube-scheduler"
}

// Admin is the identity of kubectl, or another program, with kubeadm's admin.conf
// (cmd/kubeadm/app/phases/kubeconfig/kubeconfig.go).
func Admin(component string) Identity {
	return Identity{User: "kubernetes-admin", Groups: []string{"kubeadm:cluster-admins"}, Credential: Certificate, Component: component}
}

// Node is the identity of a node's kubelet.
func Node(name string) Identity {
	return Identity{User: model.UserNodePrefix + name, Groups: []string{model.GroupNodes}, Credential: Certificate, Component: "kubelet"}
}

// Account is the identity of a service account.
func Account(namespace, name, component string) Identity {
	return Identity{User: model.AccountUser(namespace, name), Credential: AccountToken, Component: component}
}

// User is the identity of somebody with a name: a service account's token if it
// is the name of one, else a bearer token that names no groups.
func User(name string) Identity {
	if strings.HasPrefix(name, model.UserAccountPrefix) {
		return Identity{User: name, Credential: AccountToken, Component: "kubectl"}
	}
	return Identity{User: name, Credential: BearerToken, Component: "kubectl"}
}

// Right is a verb that a request needs the right to.
type Right uint8

// The rights, as RBAC names them.
const (
	RightGet Right = iota
	RightList
	RightWatch
	RightCreate
	RightUpdate
	RightPatch
	RightDelete
	RightDeleteCollection
	// Rights is the number of rights.
	Rights
)

var rightNames = [Rights]string{"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"}

// String is the verb.
func (r Right) String() string { return rightNames[r] }

// Part is what of an object a request is about: all of it, or a subresource.
type Part uint8

// The parts.
const (
	Whole Part = iota
	Status
	Scale
	Binding
	Eviction
	Finalize
	// Parts is the number of parts.
	Parts
)

var partNames = [Parts]string{"", "status", "scale", "binding", "eviction", "finalize"}

// String is the subresource, "" for the object itself.
func (p Part) String() string { return partNames[p] }

// Read is a question that is not a Request: to get, list or watch. Namespace ""
// is all of them, Name "" is all objects.
type Read struct {
	Right           Right
	Kind            model.Kind
	Namespace, Name string
	Node            uint32 // only what concerns this node: itself, or the pods bound to it
}

// Guard answers reads, as API servers do: Accepted, Unauthorized or Forbidden.
type Guard interface {
	Read(c *Client, what Read) Refusal
}

// SetGuard names who answers reads. The first API server does it.
func (s *Store) SetGuard(g Guard) { s.guard = g }

// Guard is who answers reads, nil before there is an API server.
func (s *Store) Guard() Guard { return s.guard }

// Authentic tells whether the credential that the client shows is good now.
func (c *Client) Authentic() bool { return c.As.Credential != NoCredential && c.expired == 0 }

// May is what a client is answered that reads: what it gets then is the truth of
// this moment.
func (c *Client) May(what Read) Refusal { return c.store.guard.Read(c, what) }

// Expire ends the credentials of clients, until as many calls of Renew have
// given them new ones. Only faults call it. It returns how many clients it
// concerns.
func (s *Store) Expire(whose func(*Identity) bool) int { return s.expire(whose, 1) }

// Renew takes back one Expire.
func (s *Store) Renew(whose func(*Identity) bool) { s.expire(whose, -1) }

func (s *Store) expire(whose func(*Identity) bool, more int) (n int) {
	for _, c := range s.clients {
		if !whose(&c.As) {
			continue
		}
		n++
		c.expired += more
		if node, ok := strings.CutPrefix(c.As.User, model.UserNodePrefix); ok {
			s.leases.trust(node, c.expired == 0)
		}
	}
	s.RightsChanged()
	s.disturbed()
	return n
}

// RightsChanged has every watch find out, in its time, whether its client may
// still have it: one that is open goes on until its request ends, one that was
// refused is asked for again.
func (s *Store) RightsChanged() {
	now := s.kernel.Now()
	for _, w := range s.watches {
		if !w.open {
			continue
		}
		switch may := w.allowed(); {
		case !may && !w.broken:
			s.kernel.Post(w.timeoutAfter(now), s.wire.reflector, whyTimeout, uint64(w.ID))
		case may && w.broken && w.client.served():
			s.kernel.Post(s.retryAfter(w, now), s.wire.reflector, whyReconnect, uint64(w.ID))
		}
	}
}

func (w *Watch) allowed() bool {
	return w.client.May(Read{Right: RightWatch, Kind: w.kind, Node: w.node}) == Accepted
}

// watchLeast is how long a reflector asks a watch to last, times 1 to 2
// (k8s.io/client-go/tools/cache/reflector.go defaultMinWatchTimeout). The next
// one goes on where it ended: while it is allowed, that is no event.
const watchLeast = 5 * time.Minute

// timeoutAfter is when the request of an open watch ends.
func (w *Watch) timeoutAfter(now sim.Time) sim.Time {
	s := w.client.store
	at := w.beganAt
	for n := w.breaks << 32; at <= now; n++ {
		luck := s.timeouts.Draw(w.hash, n)
		at = at.Add(luck.Duration(watchLeast, 2*watchLeast))
	}
	return at
}

// timedOut ends a watch whose request is over and whose next one is refused.
func (w *Watch) timedOut(now sim.Time) {
	if w.open && !w.broken && w.timeoutAfter(now-1) == now && !w.allowed() {
		w.broken, w.brokenAt, w.refused = true, now, true
		w.breaks++
	}
}
