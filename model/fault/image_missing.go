package fault

import "orrery/model"

// imageMissing has an image not be in its registry: nobody has pushed it yet, its tag is
// misspelt, or somebody has deleted it. Whoever asks for it is told so. Its layers stay as long
// as somebody downloads them.
type imageMissing struct{ image string }

func (f *imageMissing) begin(d *Director, s *Spec, _ []model.Object) (string, bool) {
	f.image = s.Image
	d.world.Registry().Unpublish(f.image)
	return f.image + " is not in its registry", true
}

func (f *imageMissing) end(d *Director) { d.world.Registry().Publish(f.image) }
