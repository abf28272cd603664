package store

import (
	"slices"
	"strings"
	"time"

	"orrery/model"
	"orrery/model/network"
	"orrery/sim"
)

// Refusal is why a request was not done. It is data, not an error: a
// component looks again and decides.
type Refusal uint8

// The refusals, with the HTTP status a real API server answers.
const (
	Accepted        Refusal = iota
	Conflict                // 409: the resourceVersion is not the current one
	AlreadyExists           // 409
	NotFound                // 404
	Invalid                 // 422: makes no sense for the object's state, such as a second binding
	Unauthorized            // 401
	Forbidden               // 403
	TooManyRequests         // 429
	InternalError           // 500: the API server cannot tell what to do
	TimedOut                // no answer came, or 504 with etcd's
	NoSpace                 // 500: etcd's database is full
	Disconnected            // no answer: the connection was refused or reset
)

// String is the refusal as Kubernetes names the reason.
func (r Refusal) String() string {
	return [...]string{"Accepted", "Conflict", "AlreadyExists", "NotFound", "Invalid",
		"Unauthorized", "Forbidden", "TooManyRequests", "InternalError", "Timeout", "InternalError", "ConnectionRefused"}[r]
}

// Wake-up reasons that a Client posts to its component; a component's own
// reasons stay below ReservedWhys.
const (
	ReservedWhys sim.Why = 240 + iota
	// WhyReply: about is what Client.Reply takes.
	WhyReply
	// WhyWatch: about is the ID of a Watch with something to read.
	WhyWatch
	// WhyLease: about is the ID of a node whose heartbeats started or stopped.
	WhyLease
	// WhyConnected: about is the ID of a client that has a new connection.
	WhyConnected
)

// Op is what a Request asks for.
type Op uint8

// The operations.
const (
	OpCreate       Op = iota
	OpUpdate          // PUT: refused with Conflict if Object's resourceVersion is stale
	OpUpdateStatus    // PUT or PATCH of the status: unconditional if the resourceVersion is 0
	OpPatch           // PATCH: applies itself to the current version
	OpBind            // POST pods/binding
	OpDelete
	OpEvict // POST pods/eviction
	OpGet   // GET: changes nothing
	OpNote  // POST events, about the target: changes nothing that is modeled
	OpList  // GET of all objects of a kind: changes nothing, and brings nothing that anybody looks at

	OpDeleteCollection // DELETE of everything of the target's kind in a namespace
)

var opNames = [...]string{"create", "update", "update status of", "patch", "bind", "delete", "evict", "get", "record an event of", "list", "delete all of"}

// String is the operation as a verb.
func (o Op) String() string { return opNames[o] }

// Patch changes whatever version is current when the request commits. It must
// not write cur: it returns a changed copy, or cur itself if there is nothing
// to change, which is then not committed at all.
type Patch interface {
	Apply(cur model.Object) model.Object
}

// Request is one call on its way. Only the API server reads it.
type Request struct {
	Client  *Client
	Op      Op
	Object  model.Object // OpCreate, OpUpdate, OpUpdateStatus: owned by the request
	Target  model.Ref    // the others
	Patch   Patch        // OpPatch
	Part    Part         // OpUpdate, OpPatch, or what is patched after an OpGet: what of the object it changes
	Node    model.Ref    // OpBind
	Devices uint64       // OpBind: the GPUs of the node, a bit each
	List    *List        // OpList
	Grace   int32        // OpDelete, OpEvict: seconds, or DefaultGrace
	Within  string       // OpDeleteCollection: the namespace
	Step    uint8        // how many of its commits are done, if it takes several
	Number  uint64       // counts the client's requests: with the client's hash it names the request's luck

	Until      sim.Time      // its sender waits for it
	RetryAfter time.Duration // of an answer: the client library sends the request again after that time; 0 is not at all
	Holds      int64         // bytes of its server's memory that it keeps

	tag     uint64
	server  network.Site // to which it was sent
	arrived bool         // it is there
	sentAt  sim.Time
	retries uint8 // how often it was sent again
	tokens  uint8 // of the client's bucket that it takes each time
	then    Patch // what to apply once this, a read, has come back
	epoch   uint32
	refusal Refusal
	message string
	result  model.Object
}

// DefaultGrace asks for the grace period of the pod's own spec.
const DefaultGrace int32 = -1

// Reply is the answer to a request.
type Reply struct {
	Tag     uint64 // as given with the request
	Op      Op
	Refusal Refusal
	Message string       // why it was refused, as kube-apiserver says it; "" where it is not modeled
	Object  model.Object // the stored version; nil if refused or deleted
}

// Why is what to tell people of a refusal.
func (r *Reply) Why() string {
	if r.Message != "" {
		return r.Message
	}
	return r.Refusal.String()
}

// Terminating tells whether it was refused because its namespace is being deleted
// (k8s.io/api/core/v1 NamespaceTerminatingCause).
func (r *Reply) Terminating() bool {
	return r.Refusal == Forbidden && strings.HasSuffix(r.Message, model.BeingTerminated)
}

// ClientConfig is who a client is and how it behaves.
type ClientConfig struct {
	Name    string        // names its luck
	As      Identity      // who it is for the API server
	Actor   sim.ActorID   // woken with replies and watch news
	Site    network.Site  // where it runs
	Local   bool          // it is of the control plane and knows only the API server on its own machine
	QPS     int64         // requests per second its own token bucket allows; 0 is no limit
	Burst   int64         // requests it allows at once
	Each    uint8         // what one of its calls counts for there, if it stands for several requests; 0 is 1
	Tell    bool          // it wants to know when its connection was lost and there is a new one
	Events  bool          // its notes are requests of its own, too, one after the other
	Timeout time.Duration // of a request; 0 means 60 s, the API server's own limit
}

// Client is a component's connection to the API server: the one way to ask
// for a change and to see what changed. It is not told why something takes
// long or does not arrive.
type Client struct {
	ClientConfig
	ID     uint32       // dense: the number of clients made before
	Hash   uint64       // of Name
	Server network.Site // whose API server it has a connection to, or had last

	store  *Store
	bucket Bucket
	sent   uint64
	epoch  uint32
	notes  []model.Ref // about what: still to be sent, the first under way

	severed int      // faults in force that cut it off
	expired int      // faults in force that keep its credential from being good
	notices sim.Time // when it finds out that it hears nothing from its server
	lost    bool     // it found no server when it last looked for one
	node    uint32   // the node whose kubelet's it is, 0 if it is nobody's
}

// NewClient connects a component to an API server.
func (s *Store) NewClient(c ClientConfig) *Client {
	if c.Timeout == 0 {
		c.Timeout = 60 * time.Second
	}
	x := &Client{
		ClientConfig: c,
		ID:           uint32(len(s.clients)),
		Hash:         sim.HashName(c.Name),
		Server:       s.wire.servers[0].site,
		notices:      connected,
		store:        s,
		bucket:       NewBucket(c.QPS, c.Burst),
	}
	if to, ok := s.wire.dial(c.Site, c.Local); ok {
		x.Server = to
	}
	s.clients = append(s.clients, x)
	return x
}

// Restart forgets what was under way, as a new process does: replies to
// earlier requests no longer count.
func (c *Client) Restart() {
	c.epoch++
	c.bucket = NewBucket(c.QPS, c.Burst)
	c.notes = c.notes[:0]
}

// Create asks for a new object. All of these return at once; the component is
// woken with WhyReply when the answer is there. tag comes back with it.
func (c *Client) Create(obj model.Object, tag uint64) {
	c.send(Request{Op: OpCreate, Object: obj, tag: tag})
}

// Update asks to replace an object by a changed copy of a version seen.
func (c *Client) Update(obj model.Object, tag uint64) {
	c.send(Request{Op: OpUpdate, Object: obj, tag: tag})
}

// UpdateStatus asks to replace an object's status: of the version seen, or of
// whatever is current if the copy's resourceVersion is 0.
func (c *Client) UpdateStatus(obj model.Object, tag uint64) {
	c.send(Request{Op: OpUpdateStatus, Object: obj, tag: tag})
}

// UpdateScale asks to give an object as many replicas as the copy says, and changes
// nothing else of it.
func (c *Client) UpdateScale(obj model.Object, tag uint64) {
	c.send(Request{Op: OpUpdate, Object: obj, Part: Scale, tag: tag})
}

// Patch asks to apply p to the current version of target.
func (c *Client) Patch(target model.Ref, p Patch, tag uint64) {
	c.send(Request{Op: OpPatch, Target: target, Patch: p, tag: tag})
}

// PatchPart is Patch of a subresource, for which other rights are needed.
func (c *Client) PatchPart(target model.Ref, part Part, p Patch, tag uint64) {
	c.send(Request{Op: OpPatch, Target: target, Part: part, Patch: p, tag: tag})
}

// ReadPatch asks for target and, when it has it, to apply p to a part of it: two
// requests, as components do that compute a patch from what is stored. Only the
// second is answered, or the first if it was refused.
func (c *Client) ReadPatch(target model.Ref, part Part, p Patch, tag uint64) {
	c.send(Request{Op: OpGet, Target: target, Part: part, then: p, tag: tag})
}

// Get asks for an object as it is stored.
func (c *Client) Get(target model.Ref, tag uint64) {
	c.send(Request{Op: OpGet, Target: target, tag: tag})
}

// Spend takes a token for one request, which is sent when that is there: now, or later.
// That is either GetSpent, or nothing if its outcome is known. It counts for one, whatever
// Each says.
func (c *Client) Spend() sim.Time { return c.bucket.take(c.store.kernel.Now(), 1) }

// GetSpent is Get with a token that Spend has taken and that is there now.
func (c *Client) GetSpent(target model.Ref, tag uint64) {
	c.sendAt(c.store.kernel.Now(), Request{Op: OpGet, Target: target, tag: tag, tokens: 1})
}

// List is what a LIST asks for.
type List struct {
	Kind        model.Kind
	Latest      bool  // resourceVersion "": what is true now; else "0": what the watch cache has
	Objects     int64 // in the answer; 0 is all there are
	ObjectBytes int64 // of each, encoded
}

// List asks for all objects of a kind. It is for clients that nobody sees what they
// do with them: what a component has to know it watches.
func (c *Client) List(q *List, tag uint64) {
	c.send(Request{Op: OpList, Target: model.Ref{Kind: q.Kind}, List: q, tag: tag})
}

// Bind asks to put a pod on a node.
func (c *Client) Bind(pod, node model.Ref, tag uint64) { c.BindDevices(pod, node, 0, tag) }

// BindDevices asks to put a pod on a node and to give it these GPUs of the node,
// a bit each; 0 leaves that open. A Binding carries annotations, which the API
// server writes into the pod (pkg/registry/core/pod/storage/storage.go
// assignPod).
func (c *Client) BindDevices(pod, node model.Ref, devices, tag uint64) {
	c.send(Request{Op: OpBind, Target: pod, Node: node, Devices: devices, tag: tag})
}

// Delete asks an object to go. A pod gets grace seconds, or what its spec
// says with DefaultGrace.
func (c *Client) Delete(target model.Ref, grace int32, tag uint64) {
	c.send(Request{Op: OpDelete, Target: target, Grace: grace, tag: tag})
}

// DeleteCollection asks everything of a kind in a namespace to go, one object
// after the other.
func (c *Client) DeleteCollection(kind model.Kind, namespace string, tag uint64) {
	c.send(Request{Op: OpDeleteCollection, Target: model.Ref{Kind: kind}, Within: namespace, Grace: DefaultGrace, tag: tag})
}

// Evict asks a pod to go, if nothing protects it.
func (c *Client) Evict(target model.Ref, grace int32, tag uint64) {
	c.send(Request{Op: OpEvict, Target: target, Grace: grace, tag: tag})
}

// Note tells people something about an object. It is recorded at once; the
// request that carries it costs a client with Events a token and the API server
// its work. They are sent one after the other, as by the one goroutine of a
// recorder (k8s.io/client-go/tools/record/event.go StartRecordingToSink). One that
// is refused is not sent again: without a good credential nothing is said.
func (c *Client) Note(about model.Object, warning bool, reason, message string) {
	if !c.Authentic() {
		return
	}
	c.note(model.Note{About: about.Head(), Warning: warning, Reason: reason, Message: message})
}

// NoteContainer is Note about a container of a pod, of which the reason says it all, or
// what the message says.
func (c *Client) NoteContainer(pod *model.Pod, n model.Note) {
	if c.Authentic() {
		n.About = &pod.Meta
		c.note(n)
	}
}

// NoteNamed is Note about something that is no object of the model.
func (c *Client) NoteNamed(name string, warning bool, reason, message string) {
	if c.Authentic() {
		c.note(model.Note{Named: name, Warning: warning, Reason: reason, Message: message})
	}
}

func (c *Client) note(n model.Note) {
	c.store.Note(c.Actor, n)
	if !c.Events || len(c.notes) == mostNotes {
		return
	}
	if c.notes = append(c.notes, n.Object()); len(c.notes) == 1 {
		c.sendNote()
	}
}

// mostNotes is how many wait to be sent; more are dropped
// (k8s.io/client-go/tools/record/event.go maxQueuedEvents).
const mostNotes = 1000

func (c *Client) sendNote() {
	c.send(Request{Op: OpNote, Target: c.notes[0]})
}

// Reply takes the answer a WhyReply wake-up is about. It is false if there is
// nothing to tell: the component restarted since it asked, or the client itself
// goes on with what it was asked for.
func (c *Client) Reply(about uint64) (Reply, bool) {
	w := c.store.wire
	r := w.requests[about]
	w.free(uint32(about))
	switch {
	case r.epoch != c.epoch:
		return Reply{}, false
	case r.RetryAfter > 0 && c.retry(r):
		return Reply{}, false
	case r.Op == OpNote:
		c.notes = slices.Delete(c.notes, 0, 1)
		if len(c.notes) > 0 {
			c.sendNote()
		}
		return Reply{}, false
	case r.then != nil && r.refusal == Accepted:
		c.PatchPart(r.Target, r.Part, r.then, r.tag)
		return Reply{}, false
	}
	return Reply{Tag: r.tag, Op: r.Op, Refusal: r.refusal, Message: r.message, Object: r.result}, true
}

// mostRetries is how often the client library sends a request again whose answer
// says after what time (k8s.io/client-go/rest/request.go defaultMaxRetries).
const mostRetries = 10

// retry sends a request again after the time that its answer says, out of the
// client's bucket, unless it was sent too often or nobody waits any longer
// (k8s.io/client-go/rest/with_retry.go).
func (c *Client) retry(r Request) bool {
	now := c.store.kernel.Now()
	at := now.Add(r.RetryAfter)
	if r.retries == mostRetries || at >= r.Until {
		return false
	}
	r.retries++
	r.RetryAfter, r.refusal, r.result = 0, Accepted, nil
	c.sent++
	r.Number = c.sent
	slot := c.store.wire.alloc(r)
	c.store.kernel.Post(c.bucket.take(at, int64(r.tokens)), c.store.wire.actor, whyDepart, uint64(slot))
	return true
}

func (c *Client) send(r Request) {
	r.tokens = max(c.Each, 1)
	c.sendAt(c.bucket.take(c.store.kernel.Now(), int64(r.tokens)), r)
}

// sendAt sends a request at a time, now or later.
func (c *Client) sendAt(at sim.Time, r Request) {
	c.sent++
	r.Client, r.Number, r.epoch = c, c.sent, c.epoch
	r.Until = c.store.kernel.Now().Add(c.Timeout)
	if r.Object != nil {
		r.Target = r.Object.Head().Ref()
	}
	slot := c.store.wire.alloc(r)
	now := c.store.kernel.Now()
	if at > now {
		c.store.kernel.Post(at, c.store.wire.actor, whyDepart, uint64(slot))
		return
	}
	c.store.wire.depart(now, slot)
}

// Bucket is a token bucket as a closed form: it never ticks
// (k8s.io/client-go/util/flowcontrol/throttle.go).
type Bucket struct {
	every time.Duration // per token; 0 is no limit
	slack time.Duration // the burst, in time
	full  sim.Time      // when all tokens are back
}

// NewBucket holds burst tokens and gains qps of them a second; qps 0 is no
// limit.
func NewBucket(qps, burst int64) Bucket {
	if qps == 0 {
		return Bucket{}
	}
	every := time.Second / time.Duration(qps)
	return Bucket{every: every, slack: every * time.Duration(max(burst, 1)-1)}
}

// Take uses one token and returns when it is there: now, or later.
func (b *Bucket) Take(now sim.Time) sim.Time { return b.take(now, 1) }

// take is Take of n tokens, all of which are there then, or as many as there can be.
func (b *Bucket) take(now sim.Time, n int64) sim.Time {
	if b.every == 0 {
		return now
	}
	all := time.Duration(n) * b.every
	at := max(now, b.full.Add(min(0, all-b.every-b.slack)))
	b.full = max(b.full, at).Add(all)
	return at
}
