package scheduler

import "orrery/model"

// defaultBinder posts the binding to the API server
// (pkg/scheduler/framework/plugins/defaultbinder/default_binder.go).
type defaultBinder struct{ handle *Handle }

func newDefaultBinder(h *Handle) Plugin { return &defaultBinder{h} }

func (*defaultBinder) Name() string { return "DefaultBinder" }

// Bind implements BindPlugin.
func (b *defaultBinder) Bind(pod, node model.Ref, tag uint64) { b.handle.Bind(pod, node, tag) }
