package store

import (
	"cmp"
	"slices"
	"time"

	"orrery/model"
	"orrery/sim"
)

// watchLag is how long the API server's watch cache takes to pass a commit on
// to a watcher, besides the network: "typically 1–20 ms unloaded"
// (k8s.io/apiserver/pkg/storage/cacher).
var watchLag = sim.Lognormal(1500*time.Microsecond, 12*time.Millisecond)

// A client whose connection goes silent notices by HTTP/2 pings: 30 s idle
// and 15 s without an answer (k8s.io/apimachinery/pkg/util/net/http.go). It
// then tries again after 0.8 s, doubling to 30 s, each time 1 to 2 times that
// (k8s.io/client-go/tools/cache/reflector.go).
const (
	silenceNoticed = 45 * time.Second
	firstRetry     = 800 * time.Millisecond
	lastRetry      = 30 * time.Second
)

// tcpRetry is when TCP first sends a lost segment again; the wait doubles. A
// cut shorter than silenceNoticed is over at the next such attempt.
const tcpRetry = 200 * time.Millisecond

// compactAfter is how many deliveries are read before the queue, which may
// never run empty, forgets them.
const compactAfter = 1 << 12

type delivery struct {
	at  sim.Time
	rec int32
}

// Watch is one component's late view of one kind: first everything there is,
// then every change, in order.
type Watch struct {
	ID     uint32
	client *Client
	kind   model.Kind
	node   uint32 // only pods bound to this node, or only this node; 0 is all
	hash   uint64 // names its luck

	queue    []delivery
	head     int
	last     sim.Time // nothing is delivered before: first in, first out
	seen     int      // records before this one were delivered, queued or do not match
	posted   bool     // a wake-up for the head is under way
	open     bool
	listed   bool // it has begun, and goes on from what it has seen
	broken   bool
	brokenAt sim.Time
	breaks   uint64
	stalled  bool          // only because its server cannot reach etcd
	refused  bool          // there was no connection to begin with, or an answer: nothing has to be noticed
	ahead    int64         // after a restore: its client has seen everything up to this revision, or believes so
	beganAt  sim.Time      // the request that is open, or one before it, began
	late     time.Duration // by faults
	quiet    sim.Time      // whoever reads it is not woken before
}

// Watch opens a watch on everything of a kind.
func (c *Client) Watch(kind model.Kind) *Watch {
	w := c.store.newWatch(c, kind)
	c.store.byKind[kind] = append(c.store.byKind[kind], w)
	return w
}

// WatchPodsOn opens a watch on the pods bound to one node. A change of
// another node's pod never wakes this component.
func (c *Client) WatchPodsOn(node uint32) *Watch {
	return c.watchOfNode(&c.store.byNode, model.KindPod, node)
}

// WatchNode opens a watch on one node: its own kubelet's.
func (c *Client) WatchNode(node uint32) *Watch {
	return c.watchOfNode(&c.store.ofNode, model.KindNode, node)
}

// watchOfNode opens a watch for one node, and notes it among all of its sort.
func (c *Client) watchOfNode(all *[]*Watch, kind model.Kind, node uint32) *Watch {
	w := c.store.newWatch(c, kind)
	w.node = node
	for int(node) >= len(*all) {
		*all = append(*all, nil)
	}
	(*all)[node] = w
	return w
}

// Drained tells whether the watch works and all that it has listed was read.
func (w *Watch) Drained() bool { return w.open && !w.broken && w.head == len(w.queue) }

// Connected tells whether the watch has a connection. That is the truth: its client finds out
// later.
func (w *Watch) Connected() bool { return w.open && !w.broken }

// ListedAt is when the last of what a watch has queued arrives, which is the
// first list as long as nothing was read. It is false while there is no connection.
func (w *Watch) ListedAt() (sim.Time, bool) {
	return max(w.client.store.kernel.Now(), w.last), w.open && !w.broken
}

func (s *Store) newWatch(c *Client, kind model.Kind) *Watch {
	w := &Watch{
		ID:     uint32(len(s.watches)),
		client: c,
		kind:   kind,
		hash:   sim.HashName(c.Name + "/watch/" + kind.Short()),
	}
	s.watches = append(s.watches, w)
	return w
}

// Start lists what there is and then follows, as a new process does: what was
// queued is forgotten. If the API server is out of reach it keeps trying.
func (w *Watch) Start() {
	w.Stop()
	w.listed = false
	w.open, w.posted, w.seen, w.ahead = true, false, 0, 0
	s := w.client.store
	if !w.client.served() {
		s.wire.redial(w.client)
	}
	if !w.client.served() && w.allowed() {
		w.broken, w.brokenAt, w.refused = true, s.kernel.Now(), true
		return
	}
	s.catchUp(w)
}

// Stop closes the watch: its process is gone.
func (w *Watch) Stop() {
	w.queue, w.head = w.queue[:0], 0
	w.open, w.broken, w.refused, w.stalled, w.quiet = false, false, false, false, 0
}

// Hush has whoever reads a watch not be woken by what arrives before an instant, but then:
// it could do nothing with it earlier.
func (w *Watch) Hush(until sim.Time) { w.quiet = until }

// Arrived tells whether Next has something to tell.
func (w *Watch) Arrived() bool {
	return w.head < len(w.queue) && w.queue[w.head].at <= w.client.store.kernel.Now()
}

// Next is the next change that has arrived by now: what it is about and the
// object's version, nil if it is gone. A version may be skipped, as after a
// relist; the order of one object's versions is kept. When nothing more is
// there it returns false, and the component is woken when there is.
func (w *Watch) Next() (model.Ref, model.Object, bool) {
	s := w.client.store
	now := s.kernel.Now()
	if w.head == len(w.queue) {
		w.queue, w.head = w.queue[:0], 0
		w.posted = false
		return model.Ref{}, nil, false
	}
	d := w.queue[w.head]
	if d.at > now {
		s.kernel.Post(max(d.at, w.quiet), w.client.Actor, WhyWatch, uint64(w.ID))
		w.posted = true
		return model.Ref{}, nil, false
	}
	if w.head++; w.head == compactAfter {
		w.queue = append(w.queue[:0], w.queue[w.head:]...)
		w.head = 0
	}
	r := s.history.At(int(d.rec))
	return r.Object().Head().Ref(), r.New, true
}

func (w *Watch) matches(r *Record) bool {
	o := r.Object()
	return o != nil && o.Head().Kind == w.kind
}

// tell passes a commit on to everybody who watches.
func (s *Store) tell(ref model.Ref, r *Record) {
	for _, w := range s.byKind[ref.Kind] {
		s.offer(w, r)
	}
	if n := ref.ID; ref.Kind == model.KindNode && int(n) < len(s.ofNode) && s.ofNode[n] != nil {
		if w := s.ofNode[n]; r.By != w.client.Actor {
			s.offer(w, r)
		}
	}
	if ref.Kind != model.KindPod {
		return
	}
	s.bound(r)
	if n := r.Object().(*model.Pod).NodeID; n != 0 && int(n) < len(s.byNode) && s.byNode[n] != nil {
		if w := s.byNode[n]; r.By != w.client.Actor || r.Verb == Deleted {
			s.offer(w, r)
		}
	}
}

func (s *Store) offer(w *Watch, r *Record) {
	if !w.open || w.broken {
		return
	}
	if w.seen = s.history.n; r.Revision > w.ahead {
		s.enqueue(w, int32(s.history.n-1), uint64(r.Revision))
	}
}

func (s *Store) enqueue(w *Watch, rec int32, nth uint64) {
	now := s.kernel.Now()
	d, ok := s.net.Delay(w.client.Server, w.client.Site, w.hash, nth)
	if !ok && s.net.Reaches(w.client.Server, w.client.Site) { // lost so often that the connection is given up
		d = silenceNoticed + firstRetry
	}
	lag := s.lags.Draw(w.hash, nth)
	at := max(w.last, now.Add(d+watchLag.Draw(&lag)+w.late))
	w.last = at
	w.queue = append(w.queue, delivery{at, rec})
	if !w.posted {
		w.posted = true
		s.kernel.Post(max(at, w.quiet), w.client.Actor, WhyWatch, uint64(w.ID))
	}
}

// catchUp queues the newest version of everything that changed since the
// watch last saw anything, which is what a resumed watch or a relist amounts
// to.
func (s *Store) catchUp(w *Watch) {
	late := w.broken && w.seen == 0
	w.broken, w.refused, w.stalled = false, false, false
	w.beganAt = s.kernel.Now()
	if !s.resumes(w) {
		s.list(w)
	}
	w.listed = true
	if w.node != 0 {
		s.catchUpNode(w)
		return
	}
	for i := w.seen; i < s.history.n; i++ {
		r := s.history.At(i)
		if !w.matches(r) {
			continue
		}
		ref := r.Object().Head().Ref()
		if int(s.latest[ref.Kind][ref.ID]) == i && (r.New != nil || w.seen > 0) && r.Revision > w.ahead {
			s.enqueue(w, int32(i), uint64(r.Revision))
		}
	}
	w.seen = s.history.n
	if late && !w.posted { // that there is nothing is news, too
		w.posted = true
		s.kernel.Post(max(s.kernel.Now(), w.last), w.client.Actor, WhyWatch, uint64(w.ID))
	}
}

// catchUpNode is catchUp for a kubelet, which concerns few objects. The first list of a watch has
// pods in the order of their creation (v1.35 pkg/kubelet/kubelet.go HandlePodAdditions).
func (s *Store) catchUpNode(w *Watch) {
	var news []int32
	if w.kind == model.KindNode {
		if i := s.latest[model.KindNode][w.node]; i != unborn {
			news = append(news, i)
		}
	} else {
		s.reach(w.node)
		here := s.podsOn[w.node][:0]
		for _, id := range s.podsOn[w.node] {
			i := s.latest[model.KindPod][id]
			news = append(news, i)
			if s.history.At(int(i)).New != nil {
				here = append(here, id)
			}
		}
		s.podsOn[w.node] = here
	}
	if w.seen == 0 {
		slices.SortFunc(news, func(a, b int32) int {
			return cmp.Compare(s.history.At(int(a)).Object().Head().ID, s.history.At(int(b)).Object().Head().ID)
		})
	} else {
		slices.Sort(news)
	}
	for _, i := range news {
		if r := s.history.At(int(i)); int(i) >= w.seen && (r.New != nil || w.seen > 0) && r.Revision > w.ahead {
			s.enqueue(w, i, uint64(r.Revision))
		}
	}
	w.seen = s.history.n
}

// reach makes room for a node.
func (s *Store) reach(node uint32) {
	for int(node) >= len(s.podsOn) {
		s.podsOn = append(s.podsOn, nil)
	}
}

// bound remembers pods that have just got their node.
func (s *Store) bound(r *Record) {
	p, ok := r.New.(*model.Pod)
	if !ok || p.NodeID == 0 {
		return
	}
	if old, ok := r.Old.(*model.Pod); !ok || old.NodeID == 0 {
		s.reach(p.NodeID)
		s.podsOn[p.NodeID] = append(s.podsOn[p.NodeID], p.ID)
	}
}

// Wake-up reasons of the reflector; about is a watch's ID.
const (
	whyReconnect sim.Why = 1 + iota
	whyTimeout           // its request ends, and the next one is refused
)

// reflector wakes watches up that lost their connection.
type reflector struct{ store *Store }

// Wake implements sim.Actor.
func (r *reflector) Wake(now sim.Time, why sim.Why, about uint64) {
	w := r.store.watches[about]
	if why == whyTimeout {
		w.timedOut(now)
		return
	}
	if !w.open || !w.broken {
		return
	}
	if w.client.served() && w.allowed() {
		r.store.catchUp(w)
	}
}

// LinksChanged implements network.Listener: connections that are cut go
// silent, and silent ones that could work again get their next attempt.
func (s *Store) LinksChanged(now sim.Time) {
	s.wire.judge(now)
	s.wire.listen(now)
	s.wire.redialLost(now)
	s.settleWatches(now)
}

// settleWatches breaks the watches, and stops the leases, whose server is out of
// reach, and has those try again that could work.
func (s *Store) settleWatches(now sim.Time) {
	for _, w := range s.watches {
		if !w.open {
			continue
		}
		up := w.client.served()
		w.stalled = w.stalled && s.wire.connected(w.client.Site, w.client.Server)
		switch {
		case !up && !w.broken:
			w.broken, w.brokenAt = true, now
			w.breaks++
		case up && w.broken:
			s.kernel.Post(s.retryAfter(w, now), s.wire.reflector, whyReconnect, uint64(w.ID))
		}
	}
	s.leases.linksChanged(now)
	s.disturbed()
}

// retryAfter is the first attempt of a silent connection at or after now: of
// TCP itself while nobody has noticed, of the reflector from then on. The
// attempts before came to nothing and are not events.
func (s *Store) retryAfter(w *Watch, now sim.Time) sim.Time {
	luck := s.reconnects.Draw(w.hash, w.breaks)
	at, wait := w.brokenAt, tcpRetry
	noticed := w.brokenAt.Add(silenceNoticed)
	if w.refused {
		noticed = w.brokenAt
	}
	for at.Add(wait) < noticed {
		at = at.Add(wait)
		wait *= 2
		if at >= now {
			return at
		}
	}
	at, wait = noticed, firstRetry
	for at < now {
		at = at.Add(luck.Duration(wait, 2*wait))
		wait = min(2*wait, lastRetry)
	}
	return at
}
