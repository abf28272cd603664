package scenarios

import (
	"slices"
	"strings"

	"orrery/model"
	"orrery/model/runtime"
	"orrery/scenarios/strict"
)

const maxLayers = 127 // of an image, as overlayfs takes them

// images reads what images are made of.
func (l *loader) images(list strict.Value) {
	items := list.List()
	if len(items) > maxRules {
		list.Errorf("%d images are more than %d", len(items), maxRules)
		return
	}
	sizes, seen := map[string]int64{}, map[string]bool{}
	for _, v := range items {
		m := v.Map("an image", imageOptions.names()...)
		i := runtime.Image{Name: image(m.Required("name"))}
		if full := runtime.ImageName(i.Name); i.Name != "" {
			if seen[full] {
				v.Errorf("two images are called %s", strict.Quote(i.Name))
			}
			seen[full] = true
		}
		layers := m.Required("layers")
		if n := len(layers.List()); n > maxLayers || n == 0 && layers.IsList() {
			layers.Errorf("an image has 1 to %d layers, not %d", maxLayers, n)
			return
		}
		for _, v := range layers.List() {
			i.Layers = append(i.Layers, layer(v, sizes))
		}
		l.scenario.Config.Images = append(l.scenario.Config.Images, i)
	}
}

// imageBytes is the size of an image or a layer.
func imageBytes(v strict.Value) int64 {
	n := positive(v, strict.Value.Bytes)
	if n > maxBytes {
		v.Errorf("a machine has at most %dPi", maxBytes>>50)
	}
	return n
}

// layer reads one; those of one name are the same, so they are of one size.
func layer(v strict.Value, sizes map[string]int64) runtime.Layer {
	m := v.Map("a layer", "name", "size")
	x := runtime.Layer{Name: m.Required("name").Text(), Bytes: imageBytes(m.Required("size"))}
	if x.Name == "" || x.Bytes == 0 { // which has been said
		return x
	}
	if size, there := sizes[x.Name]; there && size != x.Bytes {
		v.Errorf("the layer %s is of %s above; layers of one name are the same: give one of them another name", strict.Quote(x.Name), model.BytesText(size, 3))
	}
	sizes[x.Name] = x.Bytes
	return x
}

// imageSizes finds how large images are that nobody describes, by what behaviors say of
// the containers that are made from them: an image is of one size, whoever pulls it. The
// behaviors are those of the list.
func (l *loader) imageSizes(list strict.Value) {
	c := &l.scenario.Config
	if !slices.ContainsFunc(c.Behaviors, func(b runtime.Behavior) bool { return b.ImageBytes > 0 }) {
		return
	}
	by := map[string]int{} // by full name, the behavior that says it first; -1 for an image in layers
	for i := range c.Images {
		by[runtime.ImageName(c.Images[i].Name)] = -1
	}
	wrong := make([]bool, len(c.Behaviors))
	for _, g := range l.known.pods {
		pod := model.Pod{Meta: model.Meta{Kind: model.KindPod, Namespace: g.namespace, Labels: g.labels}, Spec: g.spec}
		for _, x := range slices.Concat(g.spec.InitContainers, g.spec.Containers) {
			if !l.compared() {
				return
			}
			b := c.Behaviors.Deciding(&pod, x.Name)
			if b < 0 || c.Behaviors[b].ImageBytes == 0 || wrong[b] {
				continue
			}
			name := runtime.ImageName(x.Image)
			first, there := by[name]
			switch bytes := c.Behaviors[b].ImageBytes; {
			case !there:
				by[name] = b
				c.Images = append(c.Images, runtime.Image{Name: name, Bytes: bytes})
			case first < 0:
				wrong[b] = true
				list.List()[b].Peek("image").Errorf("the image %s is described under images: it is as large as its layers", strict.Quote(x.Image))
			case c.Behaviors[first].ImageBytes != bytes:
				wrong[b] = true
				list.List()[b].Peek("image").Errorf("the image %s of the container %s has another size by behavior[%d], %s; an image has one",
					strict.Quote(x.Image), x.Name, first, list.List()[first].Peek("image").Raw())
			}
		}
	}
}

// registryHost reads the host of a registry. That some image comes from it checkRegistries finds
// out, when all images are known.
func (l *loader) registryHost(v strict.Value) string {
	if !v.Given() {
		return runtime.AllRegistries
	}
	host := v.Text()
	if host == "" {
		return host // what is wrong has been said
	}
	if !runtime.ValidImage(host+"/x") || runtime.RegistryOf(host+"/x") != host {
		v.Errorf("%s is no host that images come from, such as docker.io or ghcr.io", strict.Quote(host))
		return host
	}
	l.registries = append(l.registries, v)
	return host
}

// checkRegistries finds registries from which no image comes, and missing images that nobody
// needs.
func (l *loader) checkRegistries() {
	if l.incomplete() || len(l.registries)+len(l.missing) == 0 {
		return
	}
	var hosts, images []string
	for _, g := range l.known.pods {
		for _, x := range slices.Concat(g.spec.InitContainers, g.spec.Containers) {
			if host := runtime.RegistryOf(x.Image); l.compared() && !slices.Contains(hosts, host) {
				hosts = append(hosts, host)
			}
			if l.compared() && !slices.Contains(images, x.Image) {
				images = append(images, x.Image)
			}
		}
	}
	slices.Sort(hosts)
	l.checkMissing(images)
	for _, v := range l.registries {
		if host := v.Text(); len(hosts) > 0 && l.compared() && !slices.Contains(hosts, host) {
			v.Errorf("no image comes from %s; images come from %s%s", strict.Quote(host), strings.Join(hosts[:min(len(hosts), 10)], ", "), strict.DidYouMean(host, hosts))
		}
	}
}

// checkMissing finds images that are missing and that no container is made from.
func (l *loader) checkMissing(images []string) {
	for _, v := range l.missing {
		name := v.Text()
		is := func(x string) bool { return runtime.ImageName(x) == runtime.ImageName(name) }
		if name != "" && len(images) > 0 && l.compared() && !slices.ContainsFunc(images, is) {
			v.Errorf("no container is made from the image %s%s", strict.Quote(name), strict.DidYouMean(name, images))
		}
	}
}
