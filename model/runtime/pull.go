package runtime

import (
	"regexp"
	"strings"
	"time"

	"orrery/sim"
)

// The costs of what a container runtime does. All are modeling values in the
// range that public measurements span, not promises of any runtime.
var (
	sandboxTime = sim.Lognormal(350*time.Millisecond, 2500*time.Millisecond)
	startTime   = sim.Lognormal(150*time.Millisecond, time.Second) // create and start
	volumesTime = sim.Lognormal(200*time.Millisecond, 1500*time.Millisecond)
	mountTime   = sim.Lognormal(time.Second, 8*time.Second) // of attached volumes
	resolveTime = sim.Lognormal(400*time.Millisecond, 3*time.Second)
	refuseTime  = sim.Uniform(20*time.Millisecond, 200*time.Millisecond) // a registry that is down
	stopTime    = sim.Uniform(50*time.Millisecond, 300*time.Millisecond) // of a sandbox
	doomTime    = sim.Uniform(100*time.Millisecond, time.Second)         // from the start of a process that a fault lets crash to its exit
	killTime    = sim.Uniform(time.Millisecond, 20*time.Millisecond)     // from the end of the grace to the death by SIGKILL
	unmountTime = sim.Uniform(100*time.Millisecond, 500*time.Millisecond)
)

// spreadTime is added to a preStop hook that sleeps, and to one or an exit after SIGTERM for which a
// scenario says a constant time. A container is killed at a tick of its probe, and often a whole number of
// seconds later other probes tick: if the exit fell on such a tick, which of them comes first
// would be an accident of the order of events.
var spreadTime = sim.Uniform(0, time.Millisecond)

const (
	unpackRate = 120_000_000 // bytes of the uncompressed image a second

	// uncompressed is how much larger an image is when unpacked, in halves.
	uncompressedHalves = 5
)

// costs is the luck of a cluster's machines.
type costs struct {
	startup, stop, setup, create, pull, teardown, hook, mount sim.Lane
}

// Registry is all registries, from which machines pull their images.
type Registry struct {
	// Bandwidth is how many bytes a second they send at most to all machines
	// together, which their streams share alike; 0 is without limit.
	Bandwidth int64

	claims    []claim          // scratch of share
	groups    []group          // scratch of level
	doors     map[string]*door // by host, of those of which something is said, and AllRegistries
	machines  []*Machine
	sandboxes []*Sandbox // by pod, but for static ones
	numbers   map[string]uint32
	hosts     map[uint32]string  // by number, of images
	sizes     map[uint32]int64   // by number, of images a node has reported
	said      map[uint32]int64   // by number, of images of which behaviors say it
	layers    map[uint32][]layer // by number, of images that are described
	missing   map[uint32]int     // by number, of images that are in no registry, for so many reasons
	costs     *costs
}

// NewRegistry is the registries, which are up.
func NewRegistry(k *sim.Kernel) *Registry {
	l := k.Luck()
	return &Registry{doors: map[string]*door{AllRegistries: {pace: full}}, numbers: map[string]uint32{}, hosts: map[uint32]string{}, sizes: map[uint32]int64{}, said: map[uint32]int64{}, missing: map[uint32]int{}, costs: &costs{
		startup: l.Lane("container startup"), stop: l.Lane("container stop"), setup: l.Lane("pod setup"),
		create: l.Lane("container create"), pull: l.Lane("pull"), teardown: l.Lane("pod teardown"),
		hook: l.Lane("container hook"), mount: l.Lane("volume mount"),
	}}
}

// image numbers an image by its full name.
func (r *Registry) image(name string) uint32 {
	if n, ok := r.numbers[name]; ok {
		return n
	}
	full := ImageName(name)
	n, ok := r.numbers[full]
	if !ok {
		n = uint32(len(r.numbers)) + 1
		r.numbers[full] = n
		r.hosts[n] = RegistryOf(full)
	}
	r.numbers[name] = n
	return n
}

// size is how large an image is: what the scenario says, here of the container that needs
// it or first of another one, what a node that has it reports, or the default.
func (r *Registry) size(image uint32, said int64) int64 {
	if said > 0 && r.said[image] == 0 {
		r.said[image] = said
	}
	switch {
	case r.said[image] > 0:
		return r.said[image]
	case r.sizes[image] > 0:
		return r.sizes[image]
	}
	return DefaultImageBytes
}

// reference is what an image's name can be (github.com/distribution/reference regexp.go).
var reference = regexp.MustCompile(`^(` + domain + `/)?` + pathPart + `(/` + pathPart + `)*(:\w[\w.-]{0,127})?(@[A-Za-z][A-Za-z0-9]*([-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?$`)

const (
	label    = `[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?`
	domain   = label + `(\.` + label + `)*(:[0-9]+)?`
	pathPart = `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
)

// ValidImage tells whether an image can have that name.
func ValidImage(name string) bool { return reference.MatchString(name) }

// ImageName is the full name of an image: it adds what an image reference leaves out
// (github.com/distribution/reference ParseNormalizedNamed).
func ImageName(name string) string {
	host, rest, ok := strings.Cut(name, "/")
	switch {
	case host == "index.docker.io" && ok: // as it was called once (normalize.go legacyDefaultDomain)
		return ImageName("docker.io/" + rest)
	case !ok:
		name = "docker.io/library/" + name
	case !strings.ContainsAny(host, ".:") && host != "localhost":
		name = "docker.io/" + name
	case host == "docker.io" && !strings.Contains(rest, "/"):
		name = "docker.io/library/" + rest
	}
	if !strings.Contains(name[strings.LastIndexByte(name, '/'):], ":") && !strings.Contains(name, "@") {
		name += ":latest"
	}
	return name
}

// VolumesTime is how long it takes to mount a pod's volumes before its next sandbox is
// made.
func (m *Machine) VolumesTime(s *Sandbox) time.Duration {
	volumes, _ := m.setUpTimes(s)
	return volumes
}

// setUpTimes is that, and how long it takes to make the sandbox.
func (m *Machine) setUpTimes(s *Sandbox) (volumes, sandbox time.Duration) {
	luck := m.costs.setup.Draw(s.Hash, s.inVain<<32|uint64(s.Attempts))
	volumes = volumesTime.Draw(&luck)
	return volumes, m.onDisk(sandboxTime.Draw(&luck))
}

// MountTime is how long it takes to mount a pod's attached volumes, all side by side.
func (m *Machine) MountTime(s *Sandbox) time.Duration {
	luck := m.costs.mount.Draw(s.Hash, uint64(s.Attempts))
	return mountTime.Draw(&luck)
}

// startTimeOf is how long it takes to create and start a container.
func (m *Machine) startTimeOf(s *Sandbox, i int) time.Duration {
	luck := m.costs.create.Draw(s.Hash, s.inVain<<48|uint64(i)<<32|uint64(s.Processes[i].Instances))
	return m.onDisk(startTime.Draw(&luck))
}

// StopTime is how long it takes to stop the sandbox of the pod whose luck hash
// names, and then to unmount its volumes.
func (m *Machine) StopTime(hash uint64) (sandbox, unmount time.Duration) {
	luck := m.costs.teardown.Draw(hash, 0)
	sandbox = stopTime.Draw(&luck) + m.Behind()
	return sandbox, unmountTime.Draw(&luck)
}

// Cached tells whether the image is on the machine.
func (m *Machine) Cached(image string) bool { return m.cached(m.registry.image(image)) }

func (m *Machine) cached(image uint32) bool {
	for i := range m.images {
		if m.images[i].number == image {
			return true
		}
	}
	return false
}

// cache puts an image of a compressed size on the disk.
func (m *Machine) cache(number uint32, size int64) {
	if m.cached(number) {
		return
	}
	bytes := unpacked(size)
	if layers := m.registry.layers[number]; len(layers) > 0 {
		m.hold(layers)
		size, bytes = total(layers), 0
	}
	m.images = append(m.images, image{number: number, size: size, bytes: bytes, at: m.kernel.Now()})
}

// spread is how long bytes take at a rate that is sometimes lower: times is
// the 99th percentile over the median.
func spread(bytes, rate int64, times int, luck *sim.Stream) time.Duration {
	d := time.Duration(scale(bytes, int64(time.Second), rate))
	if d <= 0 {
		return 0
	}
	return sim.Lognormal(d, time.Duration(times)*d).Draw(luck)
}

// scale is a*b/c for numbers that are not negative, cut at the largest int64.
func scale(a, b, c int64) int64 { return sim.Scale(a, b, c) }
