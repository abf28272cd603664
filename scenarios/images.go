package scenarios

import (
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
		m := v.Map("an image", "name", "layers")
		i := runtime.Image{Name: image(m.Required("name"))}
		if i.Name != "" && seen[i.Name] {
			v.Errorf("two images are called %s", strict.Quote(i.Name))
		}
		seen[i.Name] = true
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
	if size, there := sizes[x.Name]; there && size != x.Bytes {
		v.Errorf("the layer %s has another size in another image; layers of one name are the same", strict.Quote(x.Name))
	}
	sizes[x.Name] = x.Bytes
	return x
}
