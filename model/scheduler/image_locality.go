package scheduler

import (
	"slices"
	"strings"

	"orrery/model"
)

// imageLocality prefers nodes that have the pod's images already, the more so
// the larger the images are and the more nodes have them: otherwise pods would
// crowd on the few that have
// (pkg/scheduler/framework/plugins/imagelocality/image_locality.go).
type imageLocality struct{ handle *Handle }

func newImageLocality(h *Handle) Plugin { return &imageLocality{h} }

func (*imageLocality) Name() string { return "ImageLocality" }

// The bounds of a sum of sizes that is worth a score, the upper one per
// container.
const (
	minImageThreshold int64 = 23 << 20
	maxImageThreshold int64 = 1000 << 20
)

// imageState is an image as the nodes report it
// (pkg/scheduler/backend/cache/cache.go addNodeImageStates).
type imageState struct {
	bytes int64 // as the first node said that had it
	nodes int   // that have it
	on    []bool
}

type imageStates map[string]*imageState

func (m imageStates) of(name string) *imageState {
	s := m[name]
	if s == nil {
		s = &imageState{}
		m[name] = s
	}
	return s
}

func (s *imageState) at(id uint32) bool { return int(id) < len(s.on) && s.on[id] }

// update takes a new version of a node.
func (m imageStates) update(id uint32, old, next *model.Node) {
	if old != nil {
		for _, x := range old.Images {
			if s := m.of(x.Name); s.at(id) {
				s.on[id] = false
				s.nodes--
			}
		}
	}
	if next == nil {
		return
	}
	for _, x := range next.Images {
		s := m.of(x.Name)
		if s.at(id) {
			continue
		}
		if s.nodes == 0 {
			s.bytes = x.Bytes
		}
		for int(id) >= len(s.on) {
			s.on = append(s.on, false)
		}
		s.on[id] = true
		s.nodes++
	}
}

// SignPod implements SignPlugin.
func (*imageLocality) SignPod(key []byte, pod *model.Pod) []byte {
	for _, list := range [...][]model.Container{pod.Spec.InitContainers, pod.Spec.Containers} {
		key = signNumber(key, int64(len(list)))
		for i := range list {
			key = signText(key, list[i].Image)
		}
	}
	return key
}

// imageView is the images of a class.
type imageView struct {
	handle *Handle
	images []*imageState // one for each container
	scores bool          // a node has any of them
}

// View implements WidePlugin.
func (p *imageLocality) View(pod *model.Pod) View {
	v := &imageView{handle: p.handle}
	for _, list := range [...][]model.Container{pod.Spec.InitContainers, pod.Spec.Containers} {
		for i := range list {
			v.images = append(v.images, p.handle.cache.images.of(normalizedImageName(list[i].Image)))
		}
	}
	out := View{Watcher: v}
	if v.scores = v.anywhere(); v.scores {
		out.Scorer = v
	}
	return out
}

// anywhere tells whether any node has any of the images.
func (v *imageView) anywhere() bool {
	return slices.ContainsFunc(v.images, func(s *imageState) bool { return s.nodes > 0 })
}

// normalizedImageName adds the tag that an image without one has.
func normalizedImageName(name string) string {
	if strings.LastIndexByte(name, ':') <= strings.LastIndexByte(name, '/') {
		return name + ":latest"
	}
	return name
}

// Stale implements Watcher: there is something to score now, or nothing any more.
func (v *imageView) Stale() bool { return v.scores != v.anywhere() }

// Score implements WideScorer.
func (v *imageView) Score(feasible []uint32, scores []int64) bool {
	total := len(v.handle.cache.tree.list())
	most := maxImageThreshold * int64(len(v.images))
	for i, id := range feasible {
		var sum int64
		for _, s := range v.images {
			if s.at(id) {
				spread := float64(s.nodes) / float64(total) //tidy:float a quotient, rounded once on every processor
				sum += int64(float64(s.bytes) * spread)     //tidy:float as in the source; added to nothing before it is cut
			}
		}
		sum = min(max(sum, minImageThreshold), most)
		scores[i] = MaxNodeScore * (sum - minImageThreshold) / (most - minImageThreshold)
	}
	return true
}
