package fault

import "orrery/model"

// webhookDown ends the program behind webhooks, wherever it runs: its pods look
// alive, and every connection is refused.
type webhookDown struct{ names []string }

func (f *webhookDown) begin(d *Director, s *Spec, _ []model.Object) (string, bool) {
	f.names = s.Webhooks
	for _, name := range f.names {
		d.webhook(name).downs++
	}
	return "", true
}

func (f *webhookDown) end(d *Director) {
	for _, name := range f.names {
		d.webhook(name).downs--
	}
}
